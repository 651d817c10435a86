"""Intervals against scipy's own tests and against known coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.common.statistics import (
    bootstrap_lifts,
    mean_interval,
    paired_difference,
    percentile_interval,
)

FIGURES = st.lists(st.floats(-1, 1).map(lambda x: round(x, 6)), min_size=3, max_size=12)


@given(FIGURES)
def test_mean_interval_is_that_of_scipy(values):
    values = np.array(values) + np.linspace(0, 1, len(values))
    interval = mean_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert interval.value == pytest.approx(values.mean())
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


@given(FIGURES)
def test_paired_difference_is_the_paired_t_test(values):
    reference = np.array(values)
    better = reference[::-1] + np.linspace(0, 1, len(values)) ** 2
    expected = stats.ttest_rel(better, reference)
    difference = paired_difference(better, reference)
    assert difference.p == pytest.approx(expected.pvalue)
    bounds = expected.confidence_interval(0.95)
    assert (difference.low, difference.high) == pytest.approx((bounds.low, bounds.high))


def test_equal_figures_do_not_differ():
    assert paired_difference(np.ones(4), np.ones(4)) == (0, 0, 0, 1)


def test_a_single_repetition_has_no_interval():
    interval = mean_interval(np.array([0.3]))
    assert interval.value == 0.3
    assert np.isnan([interval.low, interval.high]).all()


def test_bootstrap_spreads_as_the_delta_method_says():
    rng = np.random.default_rng(0)
    denominator = rng.uniform(1, 2, 400)
    numerators = denominator * rng.normal([[1.1], [1.2]], 0.3, [2, 400])
    lifts = bootstrap_lifts(numerators, denominator)
    influence = (numerators - denominator * 1.1) / denominator.sum()
    assert lifts.mean(1) == pytest.approx(numerators.sum(1) / denominator.sum() - 1, abs=2e-3)
    assert lifts.std(1) == pytest.approx(np.sqrt((influence**2).sum(1)), rel=0.1)


def test_bootstrap_draws_the_same_clusters_for_every_policy():
    numerators = np.random.default_rng(1).random(50)[None] * [[1.0], [2.0]]
    first, second = bootstrap_lifts(numerators, np.ones(50)) + 1
    np.testing.assert_allclose(second, 2 * first)


def test_percentile_interval_holds_95_percent():
    assert percentile_interval(5, np.arange(1001) / 100) == pytest.approx((5, 0.25, 9.75))
