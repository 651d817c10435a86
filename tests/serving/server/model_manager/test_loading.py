"""Our way to load a SavedModel against TensorFlow's own."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.python.saved_model.loader_impl import parse_saved_model

from serving.server.model_manager.loading import load_into
from serving.server.model_manager.saved_model import read_saved_model
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


def test_read_without_functions(exported):
    saved_model, [functions] = read_saved_model(exported[0])
    stock = parse_saved_model(str(exported[0]))
    library = stock.meta_graphs[0].graph_def.library.function
    assert len(functions) == len(library) > 0
    assert [FunctionDef.FromString(function) for function in functions] == list(library)
    stock.meta_graphs[0].graph_def.ClearField('library')
    assert saved_model == stock


def test_a_file_that_is_no_saved_model(tmp_path):
    (tmp_path / 'saved_model.pb').write_bytes(b'no model')
    with pytest.raises(OSError, match=f'Cannot parse file {tmp_path}/saved_model.pb: '):
        read_saved_model(tmp_path)
