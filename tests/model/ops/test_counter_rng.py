"""The counter-based generator against SplitMix64 in Python integers, and its distribution."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from model.ops.counter_rng import normal, uniform

MASK = (1 << 64) - 1
NUMBERS = tf.range(20_000, dtype=tf.int64)


def _mix(value):
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def _unmix(value):
    """The inverse of `_mix`."""
    value ^= (value >> 31) ^ (value >> 62)
    value = (value * pow(0x94D049BB133111EB, -1, 1 << 64)) & MASK
    value ^= (value >> 27) ^ (value >> 54)
    value = (value * pow(0xBF58476D1CE4E5B9, -1, 1 << 64)) & MASK
    return value ^ (value >> 30) ^ (value >> 60)


def _oracle(seed, counter):
    state = (_mix(seed & MASK) + (counter + 1) * 0x9E3779B97F4A7C15) & MASK
    return ((_mix(state) >> 41) + 0.5) / 2**23


def _signed(value):
    return value - (1 << 64) if value >> 63 else value


def test_equals_splitmix64_in_python_integers():
    seeds, counters = [0, 1, 7, 2**62, -5], [0, 1, 2, 1000, 2**40]
    found = uniform(tf.constant(seeds, tf.int64)[:, None], tf.constant(counters, tf.int64)[None]).numpy()
    expected = [[_oracle(seed, counter) for counter in counters] for seed in seeds]
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


@pytest.mark.parametrize('bits, expected', [(0, 2.0**-24), (MASK, 1 - 2.0**-24)])
def test_the_ends_of_the_interval_are_not_reached(bits, expected):
    seed = _unmix((_unmix(bits) - 0x9E3779B97F4A7C15) & MASK)
    assert uniform(tf.constant(_signed(seed), tf.int64), tf.constant(0, tf.int64)).numpy() == expected


@pytest.mark.parametrize(
    'draws',
    [
        uniform(tf.constant(3, tf.int64), NUMBERS),
        uniform(NUMBERS, tf.constant(0, tf.int64)),
        uniform(NUMBERS * (1 << 40), tf.constant(5, tf.int64)),
    ],
    ids=['counters', 'seeds', 'seeds that differ in leading bits'],
)
def test_draws_are_uniform_and_neighbours_independent(draws):
    draws = draws.numpy()
    assert stats.kstest(draws, 'uniform').pvalue > 1e-3
    for lag in (1, 2, 32):
        joint = np.histogram2d(draws[:-lag], draws[lag:], bins=8)[0]
        assert stats.chi2_contingency(joint).pvalue > 1e-3


def test_normal_numbers_are_the_quantiles_of_the_uniform_ones():
    found = normal(tf.constant(9, tf.int64), NUMBERS).numpy()
    expected = stats.norm.ppf(uniform(tf.constant(9, tf.int64), NUMBERS).numpy().astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_seeds_do_not_share_streams():
    first, second = (uniform(tf.constant(seed, tf.int64), NUMBERS).numpy() for seed in (10, 11))
    assert not np.isin(first[:1000], second[:1000]).sum() > 3
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
