"""The Poisson bootstrap: what its weights are, that it merges, and that its intervals are right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from components.sctr_evaluator.estimators.bootstrap import (
    Replicates,
    bootstrap_lift,
    bootstrap_rate,
    poisson_weights,
)
from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.ratio_estimates import Estimate, Moments, lift, rate

CONFIDENCE = 0.95


def _table(rng, clusters):
    size = rng.integers(5, 60, clusters)
    chosen = rng.binomial(size, 0.4)
    clicks = rng.binomial(chosen, rng.beta(2, 6, clusters))
    sums = np.stack([np.stack([clicks, chosen], 1), np.stack([rng.binomial(size, 0.25), size], 1)], 1)
    return ClusterSums(np.sort(rng.choice(1 << 62, clusters)), sums[:, None].astype(float))


def test_weights_are_poisson_and_independent_across_clusters_and_replicates():
    weights = poisson_weights(np.arange(2000), 200)
    assert weights.shape == (200, 2000)
    shares = np.bincount(weights.astype(int).ravel(), minlength=8)[:6] / weights.size
    exact = np.exp(-1) / np.array([1, 1, 2, 6, 24, 120])
    assert np.abs(shares - exact).max() < 4.5 * np.sqrt(0.25 / weights.size)
    # Neighbouring keys and replicates would show a badly mixed hash; the error of a correlation is 0.0016.
    for left, right in ((weights[:, 1:], weights[:, :-1]), (weights[1:], weights[:-1])):
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 0.008
    assert abs(np.corrcoef(weights)[np.triu_indices(200, 1)]).max() < 5.5 / np.sqrt(2000)


def test_weights_depend_on_key_and_replicate_alone():
    keys = np.array([5, 1 << 61, 17])
    weights = poisson_weights(keys, 40)
    np.testing.assert_array_equal(poisson_weights(keys[[2, 0]], 40), weights[:, [2, 0]])
    np.testing.assert_array_equal(poisson_weights(keys, 7), weights[:7])


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_any_partition_of_the_rows_merges_to_the_same_sums(seed):
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 6, 30) << 57
    values = rng.integers(0, 9, (30, 1, 2, 2)).astype(float)
    whole = Replicates.of(ClusterSums.of(keys, values), 20)
    parts = np.split(rng.permutation(30), np.sort(rng.integers(1, 29, 3)))
    pieces = [Replicates.of(ClusterSums.of(keys[part], values[part]), 20) for part in parts if len(part)]
    np.testing.assert_allclose(Replicates.merged(pieces).sums, whole.sums)
    weights = poisson_weights(keys, 20)
    np.testing.assert_allclose(whole.sums, np.einsum('br,rlpk->blpk', weights, values))


def test_intervals_agree_with_the_delta_method_on_many_clusters():
    table = _table(np.random.default_rng(1), 5000)
    moments, replicates = Moments.of(table), Replicates.of(table, 2000)
    for columns, delta, bootstrap in (([0], rate, bootstrap_rate), ([0, 1], lift, bootstrap_lift)):
        clusters = moments.effective_clusters(0, columns)
        by_delta = delta(moments, 0, *columns, CONFIDENCE)
        found = bootstrap(replicates, by_delta, 0, *columns, clusters, CONFIDENCE)
        assert found.value == by_delta.value and found.problem is None
        assert found.error == pytest.approx(by_delta.error, rel=0.06)
        assert found.low == pytest.approx(by_delta.low, abs=0.25 * by_delta.error)
        assert found.high == pytest.approx(by_delta.high, abs=0.25 * by_delta.error)


def test_the_same_interval_is_wider_with_fewer_clusters_to_rest_on():
    replicates = Replicates.of(_table(np.random.default_rng(2), 300), 400)
    known = Estimate(0.25, 0.2, 0.3)
    few, many = (bootstrap_rate(replicates, known, 0, 0, clusters, CONFIDENCE) for clusters in (12, 300))
    assert few.low < many.low < many.high < few.high


def test_the_interval_lies_between_expanded_quantiles_of_the_replicates():
    drawn = np.random.default_rng(3).permutation(np.arange(1.0, 400.0))
    replicates = Replicates(np.stack([drawn, np.ones(399)], 1)[:, None, None])
    found = bootstrap_rate(replicates, Estimate(200.0), 0, 0, 12.0, CONFIDENCE)
    # A further draw falls below the quantile q of B draws, at q (B + 1) in their order, with probability q.
    tail = norm.cdf(-t.ppf(0.975, 11) * np.sqrt(12 / 11))
    assert (found.low, found.high) == pytest.approx((400 * tail, 400 * (1 - tail)))


@pytest.mark.parametrize(
    ('sums', 'clusters', 'known', 'problem'),
    [
        ([[1.0, 4.0], [0.0, 0.0]], 50, Estimate(0.25), 'not defined in'),
        (np.tile([1.0, 4.0], (40, 1)), 2.5, Estimate(0.25), 'too few bootstrap replicates'),
        (np.tile([1.0, 4.0], (40, 1)), 40, Estimate(0.25, problem='known before'), 'known before'),
    ],
)
def test_what_is_not_known_is_named(sums, clusters, known, problem):
    table = ClusterSums(np.arange(len(sums)), np.asarray(sums)[:, None, None])
    found = bootstrap_rate(Replicates.of(table, 200), known, 0, 0, clusters, CONFIDENCE)
    assert found.value == 0.25 and found.low is None and found.high is None
    assert problem in found.problem
