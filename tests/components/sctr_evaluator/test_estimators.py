"""Estimates against plain formulas, their merging, and the coverage of their intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sctr_evaluator.estimators import ClusterSums, Moments, lift, sctr


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
    assert sctr(moments, 0, 0, 0.95).value == pytest.approx(5 / 20)
    assert lift(moments, 0, 0, 1, 0.95).value == pytest.approx(0.0)
    assert lift(_moments([[6, 3], [6, 3]], [[10, 10], [20, 20]]), 0, 0, 1, 0.95).value == pytest.approx(1.0)


def test_intervals_agree_with_the_jackknife():
    numerators, denominators = _random_sums(1)
    moments = _moments(numerators, denominators)
    ratios = [(numerators[:, p], denominators[:, p]) for p in range(2)]
    rate = sctr(moments, 0, 0, 0.95)
    assert np.log(rate.high / rate.low) / 2 / 1.966 == pytest.approx(
        _jackknife_log_error(ratios[0]), rel=0.02
    )
    gain = lift(moments, 0, 0, 1, 0.95)
    width = np.log((1 + gain.high) / (1 + gain.low)) / 2 / 1.966
    assert width == pytest.approx(_jackknife_log_error(*ratios), rel=0.02)


def test_a_policy_has_no_lift_over_itself():
    moments = _moments(*_random_sums(2))
    gain = lift(moments, 0, 1, 1, 0.95)
    assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)


def test_wider_at_higher_confidence_and_with_fewer_clusters():
    numerators, denominators = _random_sums(3)
    all_rows = _moments(numerators, denominators)
    few = _moments(numerators[:6], denominators[:6])
    narrow, wide, fewer = sctr(all_rows, 0, 0, 0.8), sctr(all_rows, 0, 0, 0.99), sctr(few, 0, 0, 0.8)
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
    found = sctr(_moments(numerators, denominators), 0, 0, 0.95)
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


def test_an_interval_beyond_all_numbers_is_none():
    found = sctr(_moments([[1], [0]], [[1], [1000]]), 0, 0, 0.9999)
    assert found.low is None and 'too few clusters' in found.problem


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
    covered = _coverage(_ads, lambda m: sctr(m, 0, 0, 0.95), 0.3)
    assert 0.91 <= covered <= 0.985


def test_intervals_of_the_lift_cover_the_truth_as_often_as_they_say():
    covered = _coverage(_ads, lambda m: lift(m, 0, 0, 1, 0.95), 0.3 / (0.4 * 0.3 + 0.6 * 0.25) - 1)
    assert 0.91 <= covered <= 0.985
