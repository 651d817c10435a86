"""Samples K combinations per ad from the product of categorical distributions (eq. 24).

Tables are float32 [B, M, N] with the axes ads, components and candidates. A choice is a position among the
candidates, or -1 where the component is absent.
"""

from typing import NamedTuple

import tensorflow as tf

from model.ops.counter_rng import uniform


def draw_noise(seed: tf.Tensor, components: int, samples: int) -> tf.Tensor:
    """Draws one uniform number per component and sample, float32 [B, M, K] in (0, 1).

    Args:
        seed: The seed of each ad, int64 [B]; equal seeds give equal numbers, whatever else the batch holds.
        components: The number of components M.
        samples: The number of samples K.
    """
    counter = tf.range(components * samples, dtype=tf.int64)
    return tf.reshape(uniform(seed[:, None], counter), [-1, components, samples])


def sample_combinations(probability: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Samples K combinations per ad by inversion of the cumulative distribution.

    The sample is the first candidate whose cumulative probability reaches the noise. A candidate with
    probability 0 is never drawn because the noise is never 0.

    Args:
        probability: The probabilities or any multiple of them, float32 [B, M, N]; 0 where there is no
            candidate.
        noise: Uniform numbers from `draw_noise`, float32 [B, M, K].

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
    """Draws K different combinations per ad without replacement from the product of the categoricals.

    The result consists of the combinations with the K largest Gumbel-perturbed log probabilities. Stochastic
    beam search finds them component by component without listing the product (Kool et al. 2019, "Stochastic
    Beams and Where to Find Them", algorithm 1).

    Args:
        probability: The probabilities, float32 [B, M, N]; they sum to 1 over the candidates, or are all 0
            where a component is absent.
        seed: The seed of each ad, int64 [B].
        samples: The number of samples K.

    Returns:
        int32 [B, K, M] in the order of the draw; an ad with fewer combinations repeats its first one.
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
    """The best partial combinations of B ads.

    Attributes:
        log_probability: The log probability of each, float32 [B, k], -inf if impossible.
        perturbed: The log probability perturbed by Gumbel noise, float32 [B, k], -inf if impossible.
        choice: The choices, int32 [B, k, components so far].
    """

    log_probability: tf.Tensor
    perturbed: tf.Tensor
    choice: tf.Tensor

    @classmethod
    def start(cls, ads: tf.Tensor) -> '_Beam':
        nothing = tf.zeros([ads, 1])
        return cls(nothing, nothing, tf.zeros([ads, 1, 0], tf.int32))

    def extended(self, logs: tf.Tensor, noise: tf.Tensor, size: int) -> '_Beam':
        """Extends the combinations by one component and keeps at most `size` of them.

        Args:
            logs: The log probabilities of the candidates, float32 [B, N].
            noise: Uniform numbers, float32 [B, k, N].
            size: The largest number of combinations to keep.
        """
        used, width = noise.shape[1:]
        joint = self.log_probability[..., None] + logs[:, None]
        perturbed = _with_maximum(joint - tf.math.log(-tf.math.log(noise)), self.perturbed[..., None])
        joint, perturbed = (tf.reshape(values, [-1, used * width]) for values in (joint, perturbed))
        best, place = tf.math.top_k(perturbed, min(size, used * width))
        before = tf.gather(self.choice, place // width, batch_dims=1)
        choice = tf.concat([before, (place % width)[..., None]], 2)
        return _Beam(tf.gather(joint, place, batch_dims=1), best, choice)


def _with_maximum(free: tf.Tensor, maximum: tf.Tensor) -> tf.Tensor:
    """Conditions Gumbel variables [B, k, N] on `maximum` [B, k, 1] as their largest of N (appendix B.3)."""
    possible = (free > -float('inf')) & (maximum > -float('inf'))
    gap = tf.where(possible, free - tf.reduce_max(free, 2, keepdims=True), 0.0)
    shift = tf.where(possible, maximum - free, 0.0) + tf.math.log1p(-tf.exp(gap))
    moved = maximum - tf.nn.relu(shift) - tf.math.log1p(tf.exp(-tf.abs(shift)))
    return tf.where(possible, moved, -float('inf'))


def uniform_combinations(counts: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Samples combinations like `sample_combinations` with equal probabilities, int32 [B, K, M].

    Args:
        counts: The number of candidates of each component, int32 [B, M].
        noise: Uniform numbers from `draw_noise`, float32 [B, M, K].
    """
    reached = tf.math.ceil(noise * tf.cast(counts, tf.float32)[..., None])
    return tf.transpose(tf.cast(reached, tf.int32) - 1, [0, 2, 1])


def greedy_combination(scores: tf.Tensor) -> tf.Tensor:
    """Returns the best candidate of each component, the first one in a tie, int32 [B, 1, M].

    Args:
        scores: The scores of the candidates, float32 [B, M, N], -inf where there is no candidate.
    """
    best = tf.argmax(scores, 2, tf.int32)
    present = tf.reduce_max(scores, 2) > -float('inf')
    return tf.where(present, best, -1)[:, None]
