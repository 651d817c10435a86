"""Brings raw columns, which Transform and parsing deliver dense, sparse or ragged, into one form."""

from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf

Column: TypeAlias = tf.Tensor | tf.SparseTensor | tf.RaggedTensor


def ragged(column: Column) -> tf.RaggedTensor:
    """Returns a list column as a ragged tensor [B, (n)]."""
    return tf.RaggedTensor.from_sparse(column) if isinstance(column, tf.SparseTensor) else column


def joined(lists: Sequence[tf.RaggedTensor]) -> tf.RaggedTensor:
    """Concatenates the lists of M features, each with B rows, to [M * B, (n)]."""
    splits = tf.stack([column.row_splits for column in lists])
    lengths = tf.reshape(splits[:, 1:] - splits[:, :-1], [-1])
    values = tf.concat([column.values for column in lists], 0)
    return tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)


def parted(joint: tf.RaggedTensor, features: int) -> list[tf.RaggedTensor]:
    """Returns the lists of each of M features, which is the inverse of `joined`."""
    lengths = tf.reshape(joint.row_lengths(), [features, -1])
    splits = tf.pad(tf.cumsum(lengths, 1), [[0, 0], [1, 0]])
    values = tf.split(joint.values, splits[:, -1])
    return [
        tf.RaggedTensor.from_row_splits(*parts, validate=False)
        for parts in zip(values, tf.unstack(splits), strict=True)
    ]


def scalar(column: Column, default) -> tf.Tensor:
    """Returns a column with one value per row, shape [B]; `default` stands for a missing value."""
    column = ragged(column)
    if isinstance(column, tf.RaggedTensor):
        return column.to_tensor(default, shape=[None, 1])[:, 0]
    return tf.reshape(column, [-1])


def propensities(column: Column, counts: tf.Tensor) -> tf.Tensor:
    """Returns the logged propensities, float32 [B]: 1/n where none is logged, 1 for absent components."""
    logged = scalar(column, -1.0)
    return tf.where(logged > 0, logged, 1.0 / tf.cast(tf.maximum(counts, 1), tf.float32))
