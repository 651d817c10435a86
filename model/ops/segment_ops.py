"""Sums and means over consecutive rows, and the gather that is the gradient of a sum, and vice versa.

When the segments are in ascending order, a sum takes one pass. The unsorted sum that TensorFlow derives as
the gradient of a gather takes several times as long.
"""

import tensorflow as tf


@tf.custom_gradient
def sum_rows(values: tf.Tensor, segment: tf.Tensor, segments: int | tf.Tensor) -> tf.Tensor:
    """Returns the sum of the rows of each segment, which is zero for an empty segment.

    Args:
        values: The rows, float32 [T, any].
        segment: The segment of each row, int32 [T], in ascending order.
        segments: The number of segments.

    Returns:
        float32 [segments, any].
    """

    def gradient(upstream):
        return tf.gather(upstream, segment), None, None

    return _sum(values, segment, segments), gradient


@tf.custom_gradient
def mean_rows(values: tf.Tensor, segment: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Returns the mean of the rows of each segment, which is zero for an empty segment.

    Args:
        values: The rows, float32 [T, any].
        segment: The segment of each row, int32 [T], in ascending order.
        lengths: The number of rows of each segment, int32 [segments].

    Returns:
        float32 [segments, any].
    """

    def gradient(upstream):
        shares = upstream / tf.maximum(tf.cast(lengths, upstream.dtype), 1.0)[:, None]
        return tf.gather(shares, segment), None, None

    return tf.sparse.segment_mean(
        values, tf.range(tf.size(segment)), segment, num_segments=tf.size(lengths)
    ), gradient


def sums_over_root(values: tf.Tensor, segment: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Returns the sum of each segment divided by sqrt(n) of its n values, zero for an empty segment.

    Values of equal prior variance then give long and short segments the same prior variance.

    Args:
        values: float32 [T, any].
        segment: The segment of each value, int32 [T], in ascending order.
        lengths: The number of values of each segment, integer [segments].

    Returns:
        float32 [segments, any].
    """
    sums = sum_rows(values, segment, tf.size(lengths))
    return sums * tf.math.rsqrt(tf.maximum(tf.cast(lengths, tf.float32), 1.0))[:, None]


@tf.custom_gradient
def spread_rows(rows: tf.Tensor, segment: tf.Tensor) -> tf.Tensor:
    """Gives each element the row of its segment, float32 [T, any].

    Args:
        rows: One row per segment, float32 [segments, any].
        segment: The segment of each element, int32 [T], in ascending order.
    """

    def gradient(upstream):
        return _sum(upstream, segment, tf.shape(rows)[0]), None

    return tf.gather(rows, segment), gradient


def _sum(values: tf.Tensor, segment: tf.Tensor, segments: int | tf.Tensor) -> tf.Tensor:
    return tf.sparse.segment_sum(values, tf.range(tf.size(segment)), segment, num_segments=segments)
