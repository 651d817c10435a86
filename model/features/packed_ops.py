"""Operations on packed elements by ad and component: softmax, entropy, and padding to tables."""

import tensorflow as tf

from model.features.packed_batch import Index


def log_softmax(logits: tf.Tensor, segment: tf.Tensor, segments: int | tf.Tensor) -> tf.Tensor:
    """Returns log pi of each element within its segment (eq. 15, with z_l in the denominator).

    Args:
        logits: The logits of the elements, float32 [T] or [T, K].
        segment: The segment of each element, int32 [T], in ascending order.
        segments: The number of segments.

    Returns:
        A float32 tensor with the shape of `logits`.
    """
    top = tf.math.unsorted_segment_max(tf.stop_gradient(logits), segment, segments)
    shifted = logits - tf.gather(top, segment)
    total = tf.math.unsorted_segment_sum(tf.exp(shifted), segment, segments)
    return shifted - tf.gather(tf.math.log(tf.maximum(total, 1e-30)), segment)


def entropy(log_probability: tf.Tensor, index: Index) -> tf.Tensor:
    """Returns the entropy of the distribution over each component's candidates, in nats, float32 [B, M].

    Args:
        log_probability: The logarithm of the probability of each packed element, float32 [T].
        index: The index of the batch.
    """
    terms = tf.exp(log_probability) * log_probability
    sums = tf.math.unsorted_segment_sum(terms, index.segment, tf.size(index.start))
    return -tf.reshape(sums, tf.shape(index.start))


def padded(values: tf.Tensor, index: Index, width: int, missing: float) -> tf.Tensor:
    """Returns the values of packed elements as a float32 table [B, M, N], padded with `missing`.

    Args:
        values: The values of the packed elements, float32 [T].
        index: The index of the batch; none of its segments may be longer than `width`.
        width: The number of columns N.
        missing: The value that stands where there is no candidate.
    """
    rows = tf.RaggedTensor.from_value_rowids(values, index.segment, tf.size(index.counts), validate=False)
    return tf.reshape(rows.to_tensor(missing, shape=[None, width]), [-1, index.counts.shape[1], width])
