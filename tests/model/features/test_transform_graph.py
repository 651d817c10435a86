"""Transforms in a graph of ours are those of Transform's own layer."""

import tensorflow as tf

from model.features.transform_graph import Transforms


def test_transforms_are_those_of_the_layer(transform_output, transformed, serialized):
    transforms = Transforms(transform_output)

    @tf.function
    def transform(examples):
        return transforms(tf.io.parse_example(examples, transform_output.raw_feature_spec()))

    found = transform(tf.constant(serialized))
    assert found.keys() == transformed.keys()
    for name, values in transformed.items():
        assert found[name].dtype == values.dtype
        assert _as_lists(found[name]) == _as_lists(values)


def _as_lists(values):
    return values.to_list() if isinstance(values, tf.RaggedTensor) else values.numpy().tolist()
