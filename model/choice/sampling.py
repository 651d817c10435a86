"""Generation of combinations: K samples per ad from the product of categorical distributions (eq. 24).

Tables are float32 [B, M, N]: ads, components, candidates. A choice is a position among the candidates,
or -1 where the component is absent.
"""

from typing import NamedTuple

import tensorflow as tf

from model.ops.counter_rng import uniform


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
    candidates = probability.shape[2] or tf.shape(probability)[2]
    components, samples = noise.shape[1:]
    reached = tf.raw_ops.LowerBound(
        sorted_inputs=tf.reshape(cumulative, [-1, candidates]),
        values=tf.reshape(noise * total, [-1, samples]),
    )
    chosen = tf.reshape(reached, [-1, components, samples])
    return tf.transpose(tf.where(total > 0, chosen, -1), [0, 2, 1])


def sample_distinct_combinations(probability: tf.Tensor, seed: tf.Tensor, samples: int) -> tf.Tensor:
    """K different combinations per ad, drawn without replacement from the product of the categoricals.

    The combinations of the K largest Gumbel-perturbed log probabilities, found component by component without
    listing the product: stochastic beam search (Kool et al. 2019, "Stochastic Beams and Where to Find
    Them", algorithm 1).

    Args:
        probability: float32 [B, M, N], summing to 1; all 0 where a component is absent.
        seed: int64 [B].
        samples: K.

    Returns:
        int32 [B, K, M], in the order of the draw; an ad of fewer combinations repeats its first.
    """
    components, width = probability.shape[1:]
    absent = tf.reduce_sum(probability, 2) == 0
    certain = tf.one_hot(0, width)
    logs = tf.math.log(tf.where(absent[..., None], certain, probability))
    beam = _Beam.start(tf.shape(probability)[0])
    for component in range(components):
        used = beam.choice.shape[1]
        counter = tf.range(used * width, dtype=tf.int64) + component * samples * width
        noise = tf.reshape(uniform(seed[:, None], counter), [-1, used, width])
        beam = beam.extended(logs[:, component], noise, samples)
    first = beam.choice[:, :1]
    found = tf.where(beam.perturbed[..., None] > -float('inf'), beam.choice, first)
    filled = tf.concat([found, tf.repeat(first, samples - found.shape[1], 1)], 1)
    return tf.where(absent[:, None], -1, filled)


class _Beam(NamedTuple):
    """The best partial combinations of B ads: log probability and its perturbed value float32 [B, k]
    (-inf: impossible), choices int32 [B, k, components so far]."""

    log_probability: tf.Tensor
    perturbed: tf.Tensor
    choice: tf.Tensor

    @classmethod
    def start(cls, ads: tf.Tensor) -> '_Beam':
        nothing = tf.zeros([ads, 1])
        return cls(nothing, nothing, tf.zeros([ads, 1, 0], tf.int32))

    def extended(self, logs: tf.Tensor, noise: tf.Tensor, size: int) -> '_Beam':
        """By one component: float32 logs [B, N], noise [B, k, N]; keeps at most `size`."""
        used, width = noise.shape[1:]
        joint = self.log_probability[..., None] + logs[:, None]
        perturbed = _with_maximum(joint - tf.math.log(-tf.math.log(noise)), self.perturbed[..., None])
        joint, perturbed = (tf.reshape(values, [-1, used * width]) for values in (joint, perturbed))
        best, place = tf.math.top_k(perturbed, min(size, used * width))
        before = tf.gather(self.choice, place // width, batch_dims=1)
        choice = tf.concat([before, (place % width)[..., None]], 2)
        return _Beam(tf.gather(joint, place, batch_dims=1), best, choice)


def _with_maximum(free: tf.Tensor, maximum: tf.Tensor) -> tf.Tensor:
    """Gumbel variables [B, k, N] given that the largest of each k is `maximum` [B, k, 1] (appendix B.3)."""
    possible = (free > -float('inf')) & (maximum > -float('inf'))
    gap = tf.where(possible, free - tf.reduce_max(free, 2, keepdims=True), 0.0)
    shift = tf.where(possible, maximum - free, 0.0) + tf.math.log1p(-tf.exp(gap))
    moved = maximum - tf.nn.relu(shift) - tf.math.log1p(tf.exp(-tf.abs(shift)))
    return tf.where(possible, moved, -float('inf'))


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
