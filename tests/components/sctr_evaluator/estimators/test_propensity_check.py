"""The sample-ratio test: Pearson's where it is Pearson's, false alarms, power, merging, and its sentence."""

import numpy as np
import pytest
from scipy.stats import chisquare

from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.propensity_check import Uniformity, residuals

PLACES = 6
NAMES = ('title', 'image')


def _log(rng, ads, rows, claimed=0.0, hidden=0.0, varying=False):
    """Rows of ads; `claimed` and `hidden` tilt what is shown, with and without saying so."""
    ad = rng.integers(0, ads, rows)
    count = np.stack([2 + ad % 3, 2 + ad % 4], 1)
    if varying:
        count = count + rng.integers(0, 2, count.shape)
    exists = np.arange(PLACES) < count[..., None]
    taste = np.random.default_rng(5).normal(0, 1, (2, ads, 2, PLACES))[:, ad]
    tilt = claimed * taste[0]
    said, true = (np.where(exists, np.exp(t), 0) for t in (tilt, tilt + hidden * taste[1]))
    said, true = said / said.sum(2, keepdims=True), true / true.sum(2, keepdims=True)
    shown = np.minimum((true.cumsum(2) < rng.random(count.shape)[..., None]).sum(2), count - 1)
    return ad, shown, count, np.take_along_axis(said, shown[..., None], 2)[..., 0]


def _table(log, weight=None):
    ad, shown, count, propensity = log
    weight = np.ones(len(ad)) if weight is None else weight
    return ClusterSums.of(ad, residuals(shown, count, propensity, weight, PLACES))


def _tested(*args, **kwargs):
    return Uniformity.of(_table(_log(*args, **kwargs)))


def test_one_ad_of_a_uniform_log_is_pearsons_test():
    ad, shown, count, propensity = _log(np.random.default_rng(1), 1, 40)
    found = Uniformity.of(_table((ad, shown, count, propensity)))
    for j in range(2):
        observed = np.bincount(shown[:, j], minlength=count[0, j])
        assert found.statistic[j] == pytest.approx(chisquare(observed).statistic)
        assert found.mean[j] == pytest.approx(count[0, j] - 1)
        # The variance of the statistic is that of a chi-square times 1 - 1/R.
        assert found.checks()[j].p_value == pytest.approx(chisquare(observed).pvalue, abs=0.02)


@pytest.mark.parametrize(
    ('ads', 'rows', 'kwargs'),
    [
        (5, 500, {}),
        (300, 900, {}),
        (100, 1000, {'varying': True}),
        (100, 1000, {'claimed': 0.7}),
    ],
)
def test_a_log_that_is_what_it_claims_is_seldom_called_suspicious(ads, rows, kwargs):
    rng = np.random.default_rng(2)
    found = [_tested(rng, ads, rows, **kwargs) for _ in range(200)]
    p_values = np.array([[check.p_value for check in each.checks()] for each in found])
    # 400 tests at 5 %: the error of the share is 1.1 %.
    assert (p_values < 0.05).mean() < 0.095
    assert sum(bool(each.suspicious()) for each in found) <= 2


def test_mean_and_variance_of_the_statistic_are_known_however_few_impressions_an_ad_has():
    rng = np.random.default_rng(9)
    found = [_tested(rng, 200, 500) for _ in range(400)]
    z = np.array([(each.statistic - each.mean) / np.sqrt(2 * each.spread) for each in found])
    assert np.abs(z.mean(0)).max() < 4.5 / np.sqrt(400)
    assert np.abs(z.std(0) - 1).max() < 0.17
    deviations = [check.deviation for each in found for check in each.checks()]
    assert np.median(deviations) < 0.2


@pytest.mark.parametrize('claimed', [0.0, 0.5])
def test_a_policy_that_the_log_does_not_confess_is_found(claimed):
    found = _tested(np.random.default_rng(3), 100, 5000, claimed, hidden=0.6)
    assert 1 in found.suspicious()
    sentence = found.verdict(NAMES)
    assert sentence.startswith('THE LOG IS NOT WHAT IT CLAIMS') and 'image by' in sentence


def test_deviation_is_how_far_shares_are_from_the_claim():
    rng = np.random.default_rng(4)
    shown = (rng.random((50_000, 1)) < 0.6).astype(np.int64)
    ones = np.ones_like(shown)
    rows = residuals(shown, 2 * ones, 0.5 * ones, ones[:, 0], PLACES)
    check = Uniformity.of(ClusterSums.of(np.zeros(50_000, np.int64), rows)).checks()[0]
    assert check.deviation == pytest.approx(0.2, rel=0.05) and check.ads == 1


def test_good_logs_get_a_calm_sentence_and_logs_without_choice_say_so():
    assert 'no sign' in _tested(np.random.default_rng(6), 50, 2000).verdict(NAMES)
    one = np.ones((4, 2), np.int64)
    alone = Uniformity.of(_table((np.zeros(4, np.int64), 0 * one, one, one / 1)))
    assert 'cannot be told' in alone.verdict(NAMES)
    assert alone.suspicious() == [] and alone.checks()[0].p_value is None


def test_ads_merge_in_any_grouping_and_weights_are_impressions():
    log = _log(np.random.default_rng(7), 30, 400)
    whole = Uniformity.of(_table(log))
    parts = [Uniformity.of(shard) for _, shard in _table((log[0] << 57, *log[1:])).shards()]
    weight = np.random.default_rng(8).integers(0, 4, 400)
    repeated = tuple(np.repeat(column, weight, axis=0) for column in log)
    pairs = [
        (Uniformity.merged(parts), whole),
        (Uniformity.of(_table(log, weight.astype(float))), Uniformity.of(_table(repeated))),
    ]
    for left, right in pairs:
        for name in vars(whole):
            np.testing.assert_allclose(getattr(left, name), getattr(right, name))


def test_rows_with_more_candidates_than_places_are_left_out():
    ones = np.ones((3, 1), np.int64)
    rows = residuals(0 * ones, np.array([[PLACES + 1], [2], [1]]), ones / 2, np.ones(3), PLACES)
    assert (rows[[0, 2]] == 0).all() and (rows[1] != 0).any()
