"""Softmax and arg max over the elements of each ad and component, on packed elements."""

import tensorflow as tf


def log_softmax(logits: tf.Tensor, segment: tf.Tensor, segments: int | tf.Tensor) -> tf.Tensor:
    """log pi of each element within its segment (eq. 15, with z_l in the denominator).

    Args:
        logits: float32 [T] or [T, K].
        segment: int32 [T], ascending.
        segments: number of segments.

    Returns:
        float32, of the shape of `logits`.
    """
    top = tf.math.unsorted_segment_max(tf.stop_gradient(logits), segment, segments)
    shifted = logits - tf.gather(top, segment)
    total = tf.math.unsorted_segment_sum(tf.exp(shifted), segment, segments)
    return shifted - tf.gather(tf.math.log(tf.maximum(total, 1e-30)), segment)


def arg_max(
    values: tf.Tensor, segment: tf.Tensor, position: tf.Tensor, segments: int | tf.Tensor
) -> tf.Tensor:
    """Position of the largest value of each segment, the first of equals; -1 for empty segments.

    Args:
        values: float32 [T, K].
        segment, position: int32 [T], from `model.batch.index_of`.
        segments: number of segments.

    Returns:
        int32 [segments, K].
    """
    top = tf.math.unsorted_segment_max(values, segment, segments)
    none = tf.int32.max
    places = tf.where(values >= tf.gather(top, segment), position[:, None], none)
    first = tf.math.unsorted_segment_min(places, segment, segments)
    return tf.where(first == none, -1, first)
