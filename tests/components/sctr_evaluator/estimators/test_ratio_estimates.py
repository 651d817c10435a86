"""Estimates against plain formulas, their merging, and the coverage of their intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.ratio_estimates import Moments, lift, rate


def _moments(numerators, denominators) -> Moments:
    """One level; cluster sums [C, P] of each policy."""
    sums = np.stack([np.asarray(numerators, float), np.asarray(denominators, float)], 2)[:, None]
    return Moments.of(ClusterSums(np.arange(len(sums)), sums))


def _jackknife_log_error(*ratios):
    """Standard error of log(N/D) - log(N'/D') by leaving out one cluster at a time."""
    clusters = len(ratios[0][0])

    def log_ratio(keep):
        signs = (1, -1)
        return sum(s * np.log(n[keep].sum() / d[keep].sum()) for s, (n, d) in zip(signs, ratios))

    left_out = np.array([log_ratio(np.arange(clusters) != c) for c in range(clusters)])
    return np.sqrt((clusters - 1) * left_out.var())


def _random_sums(seed, clusters=400):
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 30, clusters)
    rate = rng.uniform(0.1, 0.5, clusters)
    denominators = np.stack([size + rng.integers(0, 5, clusters), size + rng.integers(0, 5, clusters)], 1)
    return rng.binomial(denominators, rate[:, None]), denominators


def test_value_is_the_ratio_of_the_sums():
    moments = _moments([[3, 1], [2, 4]], [[10, 10], [10, 10]])
    assert rate(moments, 0, 0, 0.95).value == pytest.approx(5 / 20)
    assert lift(moments, 0, 0, 1, 0.95).value == pytest.approx(0.0)
    assert lift(_moments([[6, 3], [6, 3]], [[10, 10], [20, 20]]), 0, 0, 1, 0.95).value == pytest.approx(1.0)


def test_intervals_agree_with_the_jackknife():
    numerators, denominators = _random_sums(1)
    moments = _moments(numerators, denominators)
    ratios = [(numerators[:, p], denominators[:, p]) for p in range(2)]
    found = rate(moments, 0, 0, 0.95)
    assert np.log(found.high / found.low) / 2 / 1.966 == pytest.approx(
        _jackknife_log_error(ratios[0]), rel=0.02
    )
    gain = lift(moments, 0, 0, 1, 0.95)
    width = np.log((1 + gain.high) / (1 + gain.low)) / 2 / 1.966
    assert width == pytest.approx(_jackknife_log_error(*ratios), rel=0.02)


def test_a_policy_has_no_lift_over_itself():
    moments = _moments(*_random_sums(2))
    gain = lift(moments, 0, 1, 1, 0.95)
    assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)


def test_rounding_is_no_error():
    numerators, denominators = np.random.default_rng(7).uniform(0.1, 1, (2, 50, 1))
    twice = _moments(np.repeat(numerators, 2, 1), np.repeat(denominators, 2, 1))
    gain = lift(twice, 0, 0, 1, 0.95)
    assert (gain.value, gain.low, gain.high, gain.error) == (0, 0, 0, 0)
    constant = rate(_moments(0.3 * denominators, denominators), 0, 0, 0.95)
    assert constant.error == 0


def test_wider_at_higher_confidence_and_with_fewer_clusters():
    numerators, denominators = _random_sums(3)
    all_rows = _moments(numerators, denominators)
    few = _moments(numerators[:6], denominators[:6])
    narrow, wide, fewer = rate(all_rows, 0, 0, 0.8), rate(all_rows, 0, 0, 0.99), rate(few, 0, 0, 0.8)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
    assert fewer.high - fewer.low > narrow.high - narrow.low


@pytest.mark.parametrize(
    ('numerators', 'denominators', 'value', 'problem'),
    [
        ([[0, 1], [0, 1]], [[0, 5], [0, 5]], None, 'never chose'),
        ([[0, 1], [0, 1]], [[2, 5], [2, 5]], 0.0, 'no click'),
        ([[1, 1], [0, 1]], [[2, 5], [0, 5]], 0.5, 'one cluster'),
    ],
)
def test_what_is_not_known_is_named(numerators, denominators, value, problem):
    found = rate(_moments(numerators, denominators), 0, 0, 0.95)
    assert found.value == value and found.low is None and found.high is None
    assert problem in found.problem


@pytest.mark.parametrize(
    ('policy', 'reference', 'value', 'problem'),
    [
        (0, 3, None, 'never chose'),
        (3, 0, None, 'never chose'),
        (0, 1, None, 'compared with'),
        (1, 0, -1.0, 'no click'),
        (2, 0, 1.5, 'one cluster'),
        (0, 2, -0.6, 'one cluster'),
    ],
)
def test_what_is_not_known_of_a_lift_is_named(policy, reference, value, problem):
    moments = _moments([[1, 0, 1, 0], [1, 0, 0, 0]], [[5, 5, 2, 0], [5, 5, 0, 0]])
    found = lift(moments, 0, policy, reference, 0.95)
    assert found.value == (value if value is None else pytest.approx(value))
    assert found.low is None and found.high is None and problem in found.problem


@pytest.mark.parametrize(
    ('numerators', 'denominators', 'problem'),
    [
        ([[1], [0]], [[1], [1000]], 'too few clusters'),
        ([[3], [2]], [[3], [2]], 'nothing but clicks'),
        ([[np.nan], [2]], [[3], [2]], 'are not finite'),
        ([[1], [2]], [[np.inf], [2]], 'are not finite'),
    ],
)
def test_what_gives_no_interval_is_named(numerators, denominators, problem):
    found = rate(_moments(numerators, denominators), 0, 0, 0.9999)
    assert found.low is None and found.error is None and problem in found.problem


def test_signed_sums_have_an_interval_symmetric_in_the_value():
    numerators, denominators = _random_sums(4)
    moments = _moments(numerators - 0.9 * denominators, denominators)
    found = rate(moments, 0, 0, 0.95, signed=True)
    assert found.value < 0 and found.high - found.value == pytest.approx(found.value - found.low)
    gain = lift(_moments(numerators, denominators), 0, 0, 1, 0.95, signed=True)
    positive = lift(_moments(numerators, denominators), 0, 0, 1, 0.95)
    assert gain.error == pytest.approx(positive.error)
    assert gain.high - gain.value == pytest.approx(gain.value - gain.low)
    assert positive.high - positive.value > positive.value - positive.low


def test_a_reference_below_zero_and_nothing_at_all_are_named():
    signed = lift(_moments([[1, -1], [2, -2]], [[5, 5], [6, 6]]), 0, 0, 1, 0.95, signed=True)
    assert signed.value is None and 'below zero' in signed.problem
    nothing = rate(_moments([[0], [0]], [[5], [6]]), 0, 0, 0.95, signed=True)
    assert nothing.value == 0 and 'no click' in nothing.problem


def test_the_standard_error_is_the_jackknifes():
    numerators, denominators = _random_sums(5)
    numerators = numerators * [1.0, 0.4]
    moments = _moments(numerators, denominators)
    ratios = [(numerators[:, p], denominators[:, p]) for p in range(2)]
    found, gain = rate(moments, 0, 0, 0.95), lift(moments, 0, 0, 1, 0.95)
    assert found.error / found.value == pytest.approx(_jackknife_log_error(ratios[0]), rel=0.02)
    assert gain.error / (1 + gain.value) == pytest.approx(_jackknife_log_error(*ratios), rel=0.02)


def test_effective_clusters_are_those_of_equal_size_that_would_tell_as_much():
    moments = _moments([[1, 1]] * 4, [[5, 1], [5, 1], [5, 1], [5, 9]])
    assert moments.effective_clusters(0, [0]) == pytest.approx(4)
    assert moments.effective_clusters(0, [1]) == pytest.approx(12**2 / 84)
    assert moments.effective_clusters(0, [0, 1]) == pytest.approx(12**2 / 84)


def test_the_variance_is_unbiased_where_it_grows_with_the_size_of_the_cluster():
    rng, size = np.random.default_rng(6), np.array([[50], [10], [10], [5], [5], [20]])
    logs = [_moments(rng.normal(size, np.sqrt(size)), size) for _ in range(4000)]
    found = [rate(log, 0, 0, 0.95, signed=True) for log in logs]
    variance = np.mean([estimate.error**2 for estimate in found])
    assert variance == pytest.approx(1 / size.sum(), rel=0.05)
    # Degrees of freedom err to the safe side where few clusters differ much in size.
    assert np.mean([estimate.low <= 1 <= estimate.high for estimate in found]) > 0.94


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_merging_is_like_summing_at_once_in_any_order(data):
    rows = data.draw(st.integers(1, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    keys = rng.integers(0, 8, rows) << 57
    values = rng.integers(0, 9, (rows, 2, 3, 2)).astype(float)
    expected = ClusterSums.of(keys, values)
    assert (np.diff(expected.keys) > 0).all()
    for key, total in zip(expected.keys, expected.sums):
        np.testing.assert_array_equal(total, values[keys == key].sum(0))

    order = rng.permutation(rows)
    cuts = sorted(data.draw(st.sets(st.integers(1, rows - 1), max_size=3)) if rows > 1 else [])
    pieces = [ClusterSums.of(keys[part], values[part]) for part in np.split(order, cuts)]
    left = ClusterSums.merged([ClusterSums.merged(pieces[:2]), *pieces[2:]])
    right = ClusterSums.merged([*reversed(pieces)])
    for merged in (left, right):
        np.testing.assert_array_equal(merged.keys, expected.keys)
        np.testing.assert_array_equal(merged.sums, expected.sums)

    shards = dict(expected.shards())
    assert set(shards) == {int(key >> 56) for key in keys}
    merged, whole = Moments.merged(Moments.of(shard) for shard in shards.values()), Moments.of(expected)
    for name in ('first', 'second', 'clusters'):
        np.testing.assert_array_equal(getattr(merged, name), getattr(whole, name))


def _coverage(simulate, estimate, truth, logs=400):
    rng = np.random.default_rng(11)
    inside = 0
    for _ in range(logs):
        found = estimate(_moments(*simulate(rng)))
        inside += found.low <= truth <= found.high
    return inside / logs


def _ads(rng, clusters=60):
    """Ads of different appeal and size: rows of an ad are far from independent."""
    size = rng.integers(5, 60, clusters)
    appeal = rng.beta(2, 6, clusters)
    chosen = rng.binomial(size, 0.4)
    clicks = rng.binomial(chosen, np.minimum(1.2 * appeal, 1))
    others = rng.binomial(size - chosen, appeal)
    return np.stack([clicks, clicks + others], 1), np.stack([chosen, size], 1)


def test_intervals_of_the_rate_cover_the_truth_as_often_as_they_say():
    # E[min(1.2 a, 1)] is 0.3 to four digits: a exceeds 1 / 1.2 once in 40,000 ads.
    covered = _coverage(_ads, lambda m: rate(m, 0, 0, 0.95), 0.3)
    assert 0.91 <= covered <= 0.985


def test_intervals_of_the_lift_cover_the_truth_as_often_as_they_say():
    covered = _coverage(_ads, lambda m: lift(m, 0, 0, 1, 0.95), 0.3 / (0.4 * 0.3 + 0.6 * 0.25) - 1)
    assert 0.91 <= covered <= 0.985
