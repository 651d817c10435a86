"""Generation of combinations: K samples per ad from the product of categorical distributions (eq. 24).

Tables are float32 [B, M, N]: ads, components, candidates. A choice is a position among the candidates,
or -1 where the component is absent.
"""

import tensorflow as tf

from model.random import uniform


def draw_noise(seed: tf.Tensor, components: int, samples: int) -> tf.Tensor:
    """One uniform number per component and sample, float32 [B, M, K] in (0, 1).

    Args:
        seed: int64 [B]; the same seed gives the same numbers, whatever the batch holds besides.
        components: M.
        samples: K.
    """
    counter = tf.range(components * samples, dtype=tf.int64)
    return tf.reshape(uniform(seed[:, None], counter), [-1, components, samples])


def sample_combinations(probability: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """K combinations per ad by inversion: the first candidate whose cumulative probability reaches the noise.

    No candidate of probability 0 is drawn, as the noise is never 0.

    Args:
        probability: float32 [B, M, N], any multiple of it; 0 where there is no candidate.
        noise: float32 [B, M, K], from `draw_noise`.

    Returns:
        int32 [B, K, M].
    """
    cumulative = tf.cumsum(probability, 2)
    total = cumulative[:, :, -1:]
    chosen = tf.searchsorted(cumulative, noise * total)
    return tf.transpose(tf.where(total > 0, chosen, -1), [0, 2, 1])


def uniform_combinations(counts: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """As `sample_combinations` of equal probabilities, int32 [B, K, M].

    Args:
        counts: int32 [B, M], numbers of candidates.
        noise: float32 [B, M, K], from `draw_noise`.
    """
    reached = tf.math.ceil(noise * tf.cast(counts, tf.float32)[..., None])
    return tf.transpose(tf.cast(reached, tf.int32) - 1, [0, 2, 1])


def greedy_combination(scores: tf.Tensor) -> tf.Tensor:
    """The best candidate of each component, the first of equals, int32 [B, 1, M].

    Args:
        scores: float32 [B, M, N], -inf where there is no candidate.
    """
    best = tf.argmax(scores, 2, tf.int32)
    present = tf.reduce_max(scores, 2) > -float('inf')
    return tf.where(present, best, -1)[:, None]
