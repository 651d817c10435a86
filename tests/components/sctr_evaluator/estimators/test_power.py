"""Effective sample size by hand, and the rows needed by simulating tests of that size."""

import numpy as np
import pytest

from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.power import effective_sample_size, rows_needed
from components.sctr_evaluator.estimators.ratio_estimates import Estimate, Moments, lift


def test_effective_sample_size():
    assert effective_sample_size(4 * 3.0, 4 * 9.0) == pytest.approx(4)
    assert effective_sample_size(1 + 3, 1 + 9) == pytest.approx(1.6)
    assert effective_sample_size(0.0, 0.0) == 0.0


def test_a_quarter_of_the_lift_takes_about_sixteen_times_the_rows():
    measured = Estimate(0.0, -0.1, 0.1, error=0.05)
    ratio = rows_needed(measured, 100, 0.01, 0.95, 0.8) / rows_needed(measured, 100, 0.04, 0.95, 0.8)
    assert ratio == pytest.approx((np.log(1.04) / np.log(1.01)) ** 2)
    assert rows_needed(measured, 200, 0.01, 0.95, 0.8) == 2 * rows_needed(measured, 100, 0.01, 0.95, 0.8)


def test_the_error_is_taken_relative_to_what_was_measured():
    relative = [rows_needed(Estimate(v, error=0.1 * (1 + v)), 10, 0.05, 0.95, 0.8) for v in (-0.5, 0.0, 0.5)]
    assert relative == pytest.approx([relative[0]] * 3)


def _found(rng, rows, gain):
    """A test of so many rows, half of which match; a row is a cluster."""
    match = rng.random(rows) < 0.5
    click = rng.random(rows) < np.where(match, 0.2 * (1 + gain), 0.2)
    policy = np.stack([match & click, match], 1)
    reference = np.stack([~match & click, ~match], 1)
    sums = np.stack([policy, reference], 1)[:, None].astype(float)
    return lift(Moments.of(ClusterSums(np.arange(rows), sums)), 0, 0, 1, 0.95)


def test_so_many_rows_find_the_lift_as_often_as_promised():
    rng = np.random.default_rng(3)
    needed = rows_needed(_found(rng, 20_000, 0.0), 20_000, 0.25, 0.95, 0.8)
    share = np.mean([_found(rng, round(needed), 0.25).low > 0 for _ in range(500)])
    assert 0.72 < share < 0.90


@pytest.mark.parametrize('estimate', [Estimate(problem='x'), Estimate(0.1), Estimate(-1.0, error=0.1)])
def test_not_known_without_a_standard_error(estimate):
    assert rows_needed(estimate, 100, 0.01, 0.95, 0.8) is None
