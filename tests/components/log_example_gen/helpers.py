"""What the tests of LogExampleGen share."""

import tensorflow as tf


def decode(serialized: bytes) -> dict:
    """Plain values by name; None if a feature has no value at all."""
    features = tf.train.Example.FromString(serialized).features.feature
    row = {}
    for name, feature in features.items():
        kind = feature.WhichOneof('kind')
        row[name] = None if kind is None else list(getattr(feature, kind).value)
        if kind == 'bytes_list':
            row[name] = [value.decode() for value in row[name]]
    return row
