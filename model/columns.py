"""Raw columns as Transform and parsing deliver them (dense, sparse or ragged), in one form."""

import tensorflow as tf

Column = tf.Tensor | tf.SparseTensor | tf.RaggedTensor


def ragged(column: Column) -> tf.RaggedTensor:
    """A list column as a ragged tensor [B, (n)]."""
    return tf.RaggedTensor.from_sparse(column) if isinstance(column, tf.SparseTensor) else column


def scalar(column: Column, default) -> tf.Tensor:
    """A column of one value per row, with `default` where the value is missing; shape [B]."""
    column = ragged(column)
    if isinstance(column, tf.RaggedTensor):
        return column.to_tensor(default, shape=[None, 1])[:, 0]
    return tf.reshape(column, [-1])


def propensities(column: Column, counts: tf.Tensor) -> tf.Tensor:
    """Logged propensities float32 [B]; 1/n where the log has none, and 1 for absent components."""
    logged = scalar(column, -1.0)
    return tf.where(logged > 0, logged, 1.0 / tf.cast(tf.maximum(counts, 1), tf.float32))
