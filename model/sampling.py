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


def sample_combinations(logits: tf.Tensor, index: Index, noise: tf.Tensor) -> tf.Tensor:
    """K combinations per ad, drawn by the Gumbel-max trick; all components in parallel.

    Args:
        logits: float32 [T], of the distribution within each ad and component.
        index: of the batch.
        noise: float32 [T, K], from `draw_noise`.

    Returns:
        int32 [B, K, M], positions among the candidates; -1 where the component is absent.
    """
    perturbed = logits[:, None] + noise
    return _per_ad(arg_max(perturbed, index.segment, index.position, tf.size(index.start)), index)


def greedy_combination(scores: tf.Tensor, index: Index) -> tf.Tensor:
    """The best element of each component, int32 [B, 1, M]."""
    return _per_ad(arg_max(scores[:, None], index.segment, index.position, tf.size(index.start)), index)


def _per_ad(chosen: tf.Tensor, index: Index) -> tf.Tensor:
    """int32 [B * M, K] -> [B, K, M]."""
    shape = tf.shape(index.start)
    return tf.transpose(tf.reshape(chosen, [shape[0], index.start.shape[1], tf.shape(chosen)[1]]), [0, 2, 1])
