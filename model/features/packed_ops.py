"""Packed elements by ad and component: softmax, and tables padded to the largest number of candidates."""

import tensorflow as tf

from model.features.packed_batch import Index


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


def entropy(log_probability: tf.Tensor, index: Index) -> tf.Tensor:
    """Entropy of the distribution over each component's candidates, in nats, float32 [B, M].

    Args:
        log_probability: The logarithm of the probability of each packed element, float32 [T].
        index: The index of the batch.
    """
    terms = tf.exp(log_probability) * log_probability
    sums = tf.math.unsorted_segment_sum(terms, index.segment, tf.size(index.start))
    return -tf.reshape(sums, tf.shape(index.start))


def padded(values: tf.Tensor, index: Index, width: int, missing: float) -> tf.Tensor:
    """Values of the packed elements, float32 [T], as a table [B, M, N] with `missing` where there is none.

    Args:
        values: float32 [T].
        index: of the batch, no segment of which is longer than `width`.
        width: N.
        missing: the filling.
    """
    rows = tf.RaggedTensor.from_value_rowids(values, index.segment, tf.size(index.counts), validate=False)
    return tf.reshape(rows.to_tensor(missing, shape=[None, width]), [-1, index.counts.shape[1], width])
