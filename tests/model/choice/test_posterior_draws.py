"""Drawn effects against the normal distribution."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from model.choice.posterior_draws import with_drawn_effects
from model.config import ModelConfig, TrainingConfig
from model.features.packed_batch import index_of
from model.network.genco import Encoded, GenCO
from model.network.layers.fitted_effects import BatchEffects
from model.ops.counter_rng import uniform
from tests.model.random_batches import TABLES, random_batch

ADS = 20_000
COUNTS = [2, 0, 3]
MEAN, STD = np.float32([0.5, -1.0, 0.0, 2.0, 0.25]), np.float32([0.1, 0.02, 0.0, 1.5, 0.3])


def _ads(number: int) -> Encoded:
    """The same ad so many times."""
    index = index_of(tf.tile([COUNTS], [number, 1]))
    zero = BatchEffects.zero(tf.zeros([5 * number], tf.int64), tf.zeros([number], tf.int64))
    effects = zero._replace(element_bias=tf.tile(MEAN, [number]), element_std=tf.tile(STD, [number]))
    return Encoded(
        index, tf.zeros([number, 1]), tf.zeros([5 * number, 1]), tf.zeros([5 * number, 1]), effects
    )


def _drawn(seeds, scale=1.0) -> np.ndarray:
    """The effects of the ad with each of the seeds, [seeds, 5]."""
    seeds = tf.constant(seeds, tf.int64)
    scales = tf.fill([len(seeds)], np.float32(scale))
    found = with_drawn_effects(_ads(len(seeds)), seeds, scales)
    return found.effects.element_bias.numpy().reshape(-1, 5)


@pytest.mark.parametrize('scale', [1.0, 0.5])
def test_effects_are_normal_around_their_means_and_independent(scale):
    draws = _drawn(np.arange(ADS), scale)
    uncertain = STD > 0
    noise = (draws - MEAN)[:, uncertain] / (scale * STD[uncertain])
    np.testing.assert_allclose(noise.mean(0), 0, atol=4 / np.sqrt(ADS))
    np.testing.assert_allclose(noise.std(0), 1, atol=4 / np.sqrt(2 * ADS))
    for column in noise.T:
        assert stats.kstest(column, 'norm').pvalue > 1e-3
    correlations = np.corrcoef(noise.T) - np.eye(noise.shape[1])
    np.testing.assert_allclose(correlations, 0, atol=4 / np.sqrt(ADS))
    assert (draws[:, ~uncertain] == MEAN[~uncertain]).all()


def test_without_scale_the_effects_are_the_means():
    assert (_drawn(np.arange(50), 0.0) == MEAN).all()


def test_the_draw_of_an_ad_depends_on_its_seed_alone():
    together = _drawn([7, -5, 7, 1 << 62])
    np.testing.assert_allclose(together[0], together[2], atol=1e-6)
    for row, seed in enumerate([7, -5, 7, 1 << 62]):
        np.testing.assert_allclose(together[row], _drawn([seed])[0], atol=1e-6)
    assert (np.abs(together[0] - together[1]) > 1e-3)[STD > 0].all()


def test_each_ad_has_its_own_scale():
    seeds, scales = tf.constant([3, 3, 3], tf.int64), tf.constant([0.0, 1.0, 2.0])
    found = with_drawn_effects(_ads(3), seeds, scales).effects.element_bias.numpy().reshape(3, 5)
    np.testing.assert_array_equal(found[0], MEAN)
    np.testing.assert_allclose(found[2] - MEAN, 2 * (found[1] - MEAN), rtol=1e-5, atol=1e-6)


def test_the_numbers_are_not_those_of_the_generator_or_of_uniform_choice():
    """These count from 0 upwards and from -1 downwards; their correlation with the draws is that of chance."""
    noise = _drawn(np.arange(ADS))[:, [0, 1, 3, 4]]
    others = uniform(tf.range(ADS, dtype=tf.int64)[:, None], tf.range(-20, 100, dtype=tf.int64)).numpy()
    joint = np.corrcoef(noise.T, others.T)[:4, 4:]
    assert np.abs(joint).max() < 5 / np.sqrt(ADS)


def test_the_deviations_of_a_network_are_those_of_its_elements():
    batch, model = random_batch(np.random.default_rng(1)), GenCO(TABLES, ModelConfig(), TrainingConfig())
    precision = np.random.default_rng(2).uniform(10, 500, TABLES.element_rows)
    model.effects.element_bias.adopt(np.zeros(TABLES.element_rows), precision)
    found = model.encode(batch).effects.element_std
    np.testing.assert_allclose(found, precision[batch['elements']] ** -0.5, rtol=1e-5)


def test_a_network_without_effects_has_nothing_to_draw():
    batch, model = (
        random_batch(np.random.default_rng(1)),
        GenCO(TABLES, ModelConfig(phi=True, additive=False), TrainingConfig()),
    )
    encoded = model.encode(batch)
    ads = len(batch['counts'])
    drawn = with_drawn_effects(encoded, tf.range(ads, dtype=tf.int64), tf.ones([ads]))
    assert not encoded.effects.element_std.numpy().any()
    np.testing.assert_array_equal(model.score_elements(drawn), model.score_elements(encoded))
