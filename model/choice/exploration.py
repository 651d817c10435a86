"""Exploration: uniform combinations for a share of the requests, and how probable the whole choice is."""

from typing import NamedTuple

import tensorflow as tf

from model.choice.combination_scores import combination_logits
from model.choice.sampling import uniform_combinations
from model.choice.two_stage import ElementTables, best, generate
from model.network.genco import Encoded, GenCO
from model.ops.counter_rng import derived_seed, uniform

UNIFORM_POLICY, GENCO_POLICY = b'uniform', b'genco'
_DRAWS, _DRAWS_AT_ONCE = 256, 16


class Explored(NamedTuple):
    """Whether B ads are explored, bool [B], and the uniform combination that they then show, int64 [B, M]."""

    chosen: tf.Tensor
    combination: tf.Tensor


class Propensity(NamedTuple):
    """Of given combinations, float32: of each element [B, M], 1 where absent, and of all together [B]."""

    elements: tf.Tensor
    joint: tf.Tensor


def explore(seed: tf.Tensor, epsilon: tf.Tensor, counts: tf.Tensor) -> Explored:
    """Draws, by numbers that the generation does not use.

    Args:
        seed: int64 [B].
        epsilon: float32 [B], probability of a uniform combination; outside of 0 to 1 the op fails.
        counts: int32 [B, M], candidates of each component.
    """
    counter = -1 - tf.range(1 + counts.shape[1], dtype=tf.int64)
    noise = uniform(seed[:, None], counter)
    combination = uniform_combinations(counts, noise[:, 1:, None])[:, 0]
    return Explored(noise[:, 0] < _checked_epsilon(epsilon), tf.cast(combination, tf.int64))


def uniform_propensity(counts: tf.Tensor) -> tf.Tensor:
    """Of any element under uniform choice, float32 [B, M]; 1 where a component is absent."""
    return 1 / tf.cast(tf.maximum(counts, 1), tf.float32)


def choice_propensity(
    model: GenCO,
    encoded: Encoded,
    tables: ElementTables,
    seed: tf.Tensor,
    epsilon: tf.Tensor,
    selected: tf.Tensor,
) -> Propensity:
    """How probable the whole choice, exploration included, makes given combinations.

    The two-stage choice has no closed form: it is repeated with 256 further seeds and its hits are counted.
    Unbiased, with a standard error of sqrt(p (1 - p) / 256), at most 0.03.

    Args:
        model: that encoded the ads.
        encoded: B ads.
        tables: of the generator.
        seed: int64 [B]; the draws are others than those of the choice of this seed.
        epsilon: float32 [B], share of uniform combinations.
        selected: int64 [B, M], positions, -1 where absent.
    """
    counter = tf.reshape(tf.range(_DRAWS, dtype=tf.int64), [-1, _DRAWS_AT_ONCE])
    hits = tf.map_fn(
        lambda numbers: _hits(model, encoded, tables, derived_seed(seed[:, None], numbers), selected),
        counter,
        fn_output_signature=Propensity(tf.float32, tf.float32),
    )
    by_model = Propensity(*(tf.reduce_mean(part, 0) for part in hits))
    by_chance = uniform_propensity(encoded.index.counts)
    epsilon = _checked_epsilon(epsilon)
    share = epsilon[:, None]
    return Propensity(
        (1 - share) * by_model.elements + share * by_chance,
        (1 - epsilon) * by_model.joint + epsilon * tf.reduce_prod(by_chance, 1),
    )


def checked_temperature(temperature: tf.Tensor) -> tf.Tensor:
    """The temperatures float32 [B] themselves; the op fails where one is not a finite number above 0."""
    valid = (temperature > 0) & tf.math.is_finite(temperature)
    return _checked(temperature, valid, 'temperature must be a finite number above 0, got')


def _checked_epsilon(epsilon: tf.Tensor) -> tf.Tensor:
    return _checked(epsilon, (epsilon >= 0) & (epsilon <= 1), 'epsilon must be between 0 and 1, got')


def _checked(values: tf.Tensor, valid: tf.Tensor, rule: str) -> tf.Tensor:
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(valid), [rule, values])]):
        return tf.identity(values)


def _hits(
    model: GenCO, encoded: Encoded, tables: ElementTables, seeds: tf.Tensor, selected: tf.Tensor
) -> Propensity:
    """Shares of the choices by seeds int64 [B, D] that agree with `selected`."""
    ads, draws = tf.shape(seeds)[0], seeds.shape[1]
    components, samples = selected.shape[1], model.config.samples
    repeated = ElementTables(*(tf.repeat(table, draws, 0) for table in tables))
    combinations = generate(repeated, tf.reshape(seeds, [-1]), model.config)
    logit = combination_logits(model, encoded, tf.reshape(combinations, [ads, draws * samples, components]))
    chosen = best(combinations, tf.reshape(logit, [-1, samples]))
    agrees = tf.reshape(chosen, [ads, draws, components]) == selected[:, None]
    return Propensity(
        tf.reduce_mean(tf.cast(agrees, tf.float32), 1),
        tf.reduce_mean(tf.cast(tf.reduce_all(agrees, 2), tf.float32), 1),
    )
