"""Inlines the graph of Transform into the graph of the model."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft


class Transforms(tf.Module):
    """The transforms, built into the graph that calls them.

    `TFTransformOutput.transform_features_layer` calls them as a function instead. TensorFlow does not inline
    that function because it contains lookups, and the call takes a tenth of the time of a request for one ad.

    Args:
        transform_output: The output of a Transform component that runs with TensorFlow 2.

    Call, inside a `tf.function`: raw features by name -> transformed features by name.
    """

    def __init__(self, transform_output: tft.TFTransformOutput):
        super().__init__()
        self._saved = tf.saved_model.load(transform_output.transform_savedmodel_dir)

    def __call__(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        function = self._saved.transform_fn
        (given,), _ = function.structured_input_signature
        features = tf.nest.flatten({name: raw[name] for name in given}, expand_composites=True)
        names = (tensor.name for tensor in function.inputs)
        inputs = (tf.identity(value) for value in [*features, *function.captured_inputs])
        outputs = tf.graph_util.import_graph_def(
            function.graph.as_graph_def(),
            dict(zip(names, inputs, strict=True)),
            [tensor.name for tensor in function.outputs],
            name='transforms',
        )
        return tf.nest.pack_sequence_as(function.structured_outputs, outputs, expand_composites=True)
