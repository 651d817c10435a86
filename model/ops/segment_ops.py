"""Sums and means over consecutive rows, and the reverse of a sum: each is the gradient of the other.

On ascending segments a sum is one pass; the unsorted sum that TensorFlow derives as the gradient of a
gather takes several times as long.
"""

import tensorflow as tf


@tf.custom_gradient
def sum_rows(values: tf.Tensor, segment: tf.Tensor, segments: int | tf.Tensor) -> tf.Tensor:
    """Sum of the rows of each segment, zero where it is empty.

    Args:
        values: float32 [T, any].
        segment: int32 [T], ascending.
        segments: number of segments.

    Returns:
        float32 [segments, any].
    """

    def gradient(upstream):
        return tf.gather(upstream, segment), None, None

    return _sum(values, segment, segments), gradient


@tf.custom_gradient
def mean_rows(values: tf.Tensor, segment: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Mean of the rows of each segment, zero where it is empty.

    Args:
        values: float32 [T, any].
        segment: int32 [T], ascending.
        lengths: int32 [segments].

    Returns:
        float32 [segments, any].
    """

    def gradient(upstream):
        shares = upstream / tf.maximum(tf.cast(lengths, upstream.dtype), 1.0)[:, None]
        return tf.gather(shares, segment), None, None

    return tf.sparse.segment_mean(
        values, tf.range(tf.size(segment)), segment, num_segments=tf.size(lengths)
    ), gradient


@tf.custom_gradient
def spread_rows(rows: tf.Tensor, segment: tf.Tensor) -> tf.Tensor:
    """The row of each element's segment: float32 [segments, any], ascending int32 [T] -> [T, any]."""

    def gradient(upstream):
        return _sum(upstream, segment, tf.shape(rows)[0]), None

    return tf.gather(rows, segment), gradient


def _sum(values: tf.Tensor, segment: tf.Tensor, segments: int | tf.Tensor) -> tf.Tensor:
    return tf.sparse.segment_sum(values, tf.range(tf.size(segment)), segment, num_segments=segments)
