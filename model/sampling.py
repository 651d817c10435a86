"""Generation of combinations: K samples per ad from the product of categorical distributions (eq. 24)."""

import tensorflow as tf

from model.batch import Index
from model.random import gumbel
from model.segments import arg_max


def draw_noise(index: Index, seed: tf.Tensor, samples: int, max_candidates: int) -> tf.Tensor:
    """Gumbel noise for K samples per ad, float32 [T, K].

    Args:
        index: of the batch.
        seed: int64 [B]; the same seed gives the same noise, whatever the batch holds besides.
        samples: K.
        max_candidates: N.
    """
    place = tf.cast(index.component * max_candidates + index.position, tf.int64)
    counter = place[:, None] * samples + tf.range(samples, dtype=tf.int64)[None]
    return gumbel(tf.gather(seed, index.ad)[:, None], counter)


def sample_combinations(logits: tf.Tensor, index: Index, noise: tf.Tensor, max_candidates: int) -> tf.Tensor:
    """K combinations per ad, drawn by the Gumbel-max trick; all components in parallel.

    Args:
        logits: float32 [T], of the distribution within each ad and component.
        index: of the batch.
        noise: float32 [T, K], from `draw_noise`.
        max_candidates: N.

    Returns:
        int32 [B, K, M], positions among the candidates; -1 where the component is absent.
    """
    return _per_ad(_arg_max_of_noisy(logits[:, None] + noise, index, max_candidates), index)


def _arg_max_of_noisy(values: tf.Tensor, index: Index, max_candidates: int) -> tf.Tensor:
    """Position of the largest value float32 [T, K] of each segment, int32 [segments, K], in one pass.

    The position takes the place of the last bits of the value, which are noise anyhow, so that one
    maximum finds both; that is twice as fast as `arg_max`.
    """
    mask = (1 << (max_candidates - 1).bit_length()) - 1
    bits = tf.bitcast(values, tf.int32)
    ordered = tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, tf.int32.max), bits)
    keyed = tf.bitwise.bitwise_or(tf.bitwise.bitwise_and(ordered, ~mask), mask - index.position[:, None])
    top = tf.math.unsorted_segment_max(keyed, index.segment, tf.size(index.start))
    return tf.where(top == tf.int32.min, -1, mask - tf.bitwise.bitwise_and(top, mask))


def greedy_combination(scores: tf.Tensor, index: Index) -> tf.Tensor:
    """The best element of each component, int32 [B, 1, M]."""
    return _per_ad(arg_max(scores[:, None], index.segment, index.position, tf.size(index.start)), index)


def _per_ad(chosen: tf.Tensor, index: Index) -> tf.Tensor:
    """int32 [B * M, K] -> [B, K, M]."""
    shape = tf.shape(index.start)
    return tf.transpose(tf.reshape(chosen, [shape[0], index.start.shape[1], tf.shape(chosen)[1]]), [0, 2, 1])
