"""Our way to load a SavedModel against TensorFlow's own."""

import numpy as np
import tensorflow as tf

from serving.model_manager.loading import load_into
from tests.serving.tiny_model import example_inputs


def _answers(path, load):
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        with session.graph.as_default():
            meta_graph = load(session, path)
        signature = meta_graph.signature_def['serving_default']
        feeds = {signature.inputs[alias].name: value for alias, value in example_inputs(3).items()}
        return session.run({alias: info.name for alias, info in signature.outputs.items()}, feeds)


def test_answers_as_loaded_by_tensorflow(exported):
    ours = _answers(exported[0], load_into)
    stock = _answers(exported[0], lambda s, path: tf.compat.v1.saved_model.load(s, ['serve'], str(path)))
    assert ours.keys() == stock.keys()
    for alias, value in stock.items():
        np.testing.assert_array_equal(ours[alias], value)
