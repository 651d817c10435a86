"""Randomises the choice, by uniform combinations and by effects drawn from the posterior, and its propensity."""

from typing import NamedTuple

import tensorflow as tf

from model.choice.combination_scores import combination_logits
from model.choice.posterior_draws import with_drawn_effects
from model.choice.sampling import uniform_combinations
from model.choice.two_stage import best, element_tables, generate
from model.features.packed_batch import index_of
from model.network.genco import Encoded, GenCO
from model.ops.counter_rng import derived_seed, uniform

UNIFORM_POLICY, GENCO_POLICY, THOMPSON_POLICY = b'uniform', b'genco', b'thompson'
_DRAWS, _DRAWS_AT_ONCE = 256, 16


class Exploration(NamedTuple):
    """How much the choices for B ads are randomised.

    Attributes:
        temperature: The temperature of the generator, float32 [B], above 0.
        epsilon: The probability of a uniform combination, float32 [B], 0 to 1.
        posterior_scale: The scale of the standard deviations with which the effects of elements are drawn from
            their posterior, float32 [B], at least 0: 0 draws none, 1 is Thompson sampling.
    """

    temperature: tf.Tensor
    epsilon: tf.Tensor
    posterior_scale: tf.Tensor

    def checked(self) -> 'Exploration':
        """The same values; the op fails unless all are finite and within their range."""
        temperature, epsilon, scale = self
        return Exploration(
            _checked(
                temperature,
                (temperature > 0) & tf.math.is_finite(temperature),
                'temperature must be a finite number above 0, got',
            ),
            _checked(epsilon, (epsilon >= 0) & (epsilon <= 1), 'epsilon must be between 0 and 1, got'),
            _checked(
                scale,
                (scale >= 0) & tf.math.is_finite(scale),
                'posterior_scale must be a finite number of at least 0, got',
            ),
        )


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
        epsilon: The probability of a uniform combination, float32 [B].
        counts: The number of candidates of each component, int32 [B, M].
    """
    counter = -1 - tf.range(1 + counts.shape[1], dtype=tf.int64)
    noise = uniform(seed[:, None], counter)
    combination = uniform_combinations(counts, noise[:, 1:, None])[:, 0]
    return Explored(noise[:, 0] < epsilon, tf.cast(combination, tf.int64))


def uniform_propensity(counts: tf.Tensor) -> tf.Tensor:
    """Returns the propensity of any element under uniform choice, float32 [B, M]; 1 for absent components."""
    return 1 / tf.cast(tf.maximum(counts, 1), tf.float32)


def choice_propensity(
    model: GenCO, encoded: Encoded, seed: tf.Tensor, exploration: Exploration, selected: tf.Tensor
) -> Propensity:
    """Estimates the probability of given combinations under the whole choice, exploration included.

    The probability under the two-stage choice has no closed form, so the choice is repeated with 256 further
    seeds, each with its own draw of the effects, and the matches are counted. The estimate is unbiased and has
    a standard error of sqrt(p (1 - p) / 256), which is at most 0.03.

    Args:
        model: The model that encoded the ads.
        encoded: B encoded ads.
        seed: The seed of each ad, int64 [B]; the draws differ from those of a choice with the same seed.
        exploration: How much the choices are randomised.
        selected: The combinations as positions, int64 [B, M], -1 where a component is absent.
    """
    counter = tf.reshape(tf.range(_DRAWS, dtype=tf.int64), [-1, _DRAWS_AT_ONCE])
    copies = _repeated(encoded, _DRAWS_AT_ONCE)
    randomised = Exploration(*(tf.repeat(values, _DRAWS_AT_ONCE) for values in exploration))
    hits = tf.map_fn(
        lambda numbers: _hits(model, copies, derived_seed(seed[:, None], numbers), randomised, selected),
        counter,
        fn_output_signature=Propensity(tf.float32, tf.float32),
    )
    by_model = Propensity(*(tf.reduce_mean(part, 0) for part in hits))
    by_chance = uniform_propensity(encoded.index.counts)
    share = exploration.epsilon[:, None]
    return Propensity(
        (1 - share) * by_model.elements + share * by_chance,
        (1 - exploration.epsilon) * by_model.joint + exploration.epsilon * tf.reduce_prod(by_chance, 1),
    )


def _checked(values: tf.Tensor, valid: tf.Tensor, rule: str) -> tf.Tensor:
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(valid), [rule, values])]):
        return tf.identity(values)


def _repeated(encoded: Encoded, times: int) -> Encoded:
    """Returns each of the ads so many times in a row."""
    index = index_of(tf.repeat(encoded.index.counts, times, 0))
    shift = tf.repeat(encoded.index.start[:, 0], times) - index.start[:, 0]
    place = tf.range(tf.size(index.ad)) + tf.gather(shift, index.ad)
    effects = encoded.effects
    return Encoded(
        index,
        tf.repeat(encoded.context, times, 0),
        tf.gather(encoded.element_context, place),
        tf.gather(encoded.features, place),
        type(effects)(
            element_bias=tf.gather(effects.element_bias, place),
            element_std=tf.gather(effects.element_std, place),
            ad_bias=tf.repeat(effects.ad_bias, times),
            element_code=tf.gather(effects.element_code, place),
            ad_code=tf.repeat(effects.ad_code, times),
            synergy=tf.gather(effects.synergy, place),
            log_importance=tf.gather(effects.log_importance, place),
        ),
    )


def _hits(
    model: GenCO, copies: Encoded, seeds: tf.Tensor, exploration: Exploration, selected: tf.Tensor
) -> Propensity:
    """Returns the shares of the choices made with seeds, int64 [B, D], that agree with `selected`.

    Args:
        model: The model that encoded the ads.
        copies: D copies of each ad.
        seeds: The seeds of the copies.
        exploration: How much the choices for the copies are randomised, float32 [B D] each.
        selected: The combinations to agree with, int64 [B, M].
    """
    seed = tf.reshape(seeds, [-1])
    drawn = with_drawn_effects(copies, seed, exploration.posterior_scale)
    combinations = generate(element_tables(model, drawn, exploration.temperature), seed, model.config)
    chosen = best(combinations, combination_logits(model, drawn, combinations))
    agrees = tf.reshape(chosen, [-1, seeds.shape[1], selected.shape[1]]) == selected[:, None]
    return Propensity(
        tf.reduce_mean(tf.cast(agrees, tf.float32), 1),
        tf.reduce_mean(tf.cast(tf.reduce_all(agrees, 2), tf.float32), 1),
    )
