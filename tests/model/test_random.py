"""The counter-based generator against SplitMix64 in Python integers, and its distribution."""

import numpy as np
import tensorflow as tf
from scipy import stats

from model.random import gumbel, uniform

MASK = (1 << 64) - 1


def _mix(value):
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def _oracle(seed, counter):
    state = (_mix(seed & MASK) + (counter + 1) * 0x9E3779B97F4A7C15) & MASK
    return ((_mix(state) >> 40) + 0.5) / 2**24


def test_equals_splitmix64_in_python_integers():
    seeds, counters = [0, 1, 7, 2**62, -5], [0, 1, 2, 1000, 2**40]
    found = uniform(tf.constant(seeds, tf.int64)[:, None], tf.constant(counters, tf.int64)[None]).numpy()
    expected = [[_oracle(seed, counter) for counter in counters] for seed in seeds]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_draws_are_uniform_over_counters_and_over_seeds():
    numbers = tf.range(20_000, dtype=tf.int64)
    for draws in (uniform(tf.constant(3, tf.int64), numbers), uniform(numbers, tf.constant(0, tf.int64))):
        assert stats.kstest(draws.numpy(), 'uniform').pvalue > 1e-3
        assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03


def test_gumbel_noise_is_gumbel_and_finite():
    noise = gumbel(tf.constant(1, tf.int64), tf.range(20_000, dtype=tf.int64)).numpy()
    assert np.isfinite(noise).all()
    assert stats.kstest(noise, stats.gumbel_r.cdf).pvalue > 1e-3
