"""Shows uniform combinations for a share of the requests, and computes the propensity of the choice."""

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
    """The exploration decisions for B ads.

    Attributes:
        chosen: Whether the ad is explored, bool [B].
        combination: The uniform combination that an explored ad shows, int64 [B, M].
    """

    chosen: tf.Tensor
    combination: tf.Tensor


class Propensity(NamedTuple):
    """The propensities of given combinations.

    Attributes:
        elements: The propensity of each element, float32 [B, M], 1 where the component is absent.
        joint: The propensity of the whole combination, float32 [B].
    """

    elements: tf.Tensor
    joint: tf.Tensor


def explore(seed: tf.Tensor, epsilon: tf.Tensor, counts: tf.Tensor) -> Explored:
    """Draws which ads are explored, and their combinations, from random numbers not used by `generate`.

    Args:
        seed: The seed of each ad, int64 [B].
        epsilon: The probability of a uniform combination, float32 [B]; the op fails for a value outside of
            0 to 1.
        counts: The number of candidates of each component, int32 [B, M].
    """
    counter = -1 - tf.range(1 + counts.shape[1], dtype=tf.int64)
    noise = uniform(seed[:, None], counter)
    combination = uniform_combinations(counts, noise[:, 1:, None])[:, 0]
    return Explored(noise[:, 0] < _checked_epsilon(epsilon), tf.cast(combination, tf.int64))


def uniform_propensity(counts: tf.Tensor) -> tf.Tensor:
    """Returns the propensity of any element under uniform choice, float32 [B, M]; 1 for absent components."""
    return 1 / tf.cast(tf.maximum(counts, 1), tf.float32)


def choice_propensity(
    model: GenCO,
    encoded: Encoded,
    tables: ElementTables,
    seed: tf.Tensor,
    epsilon: tf.Tensor,
    selected: tf.Tensor,
) -> Propensity:
    """Estimates the probability of given combinations under the whole choice, exploration included.

    The probability under the two-stage choice has no closed form, so the choice is repeated with 256 further
    seeds and the matches are counted. The estimate is unbiased and has a standard error of
    sqrt(p (1 - p) / 256), which is at most 0.03.

    Args:
        model: The model that encoded the ads.
        encoded: B encoded ads.
        tables: The scores and probabilities of the generator.
        seed: The seed of each ad, int64 [B]; the draws differ from those of a choice with the same seed.
        epsilon: The probability of a uniform combination, float32 [B].
        selected: The combinations as positions, int64 [B, M], -1 where a component is absent.
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
    """Returns the temperatures, float32 [B]; the op fails unless all are finite numbers above 0."""
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
    """Returns the shares of the choices made with seeds, int64 [B, D], that agree with `selected`."""
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
