import numpy as np
import pytest
import scipy.stats

from benchmarks.common.comparison import differences, interval_row, policy_rows
from benchmarks.common.statistics import Interval

RANDOM = np.random.default_rng(1)
REPETITIONS = [
    {policy: {'lift': RANDOM.normal(), 'ctr': RANDOM.normal()} for policy in ('peer', 'genco')}
    for _ in range(6)
]


def values(policy, figure):
    return [repetition[policy][figure] for repetition in REPETITIONS]


def test_rows_hold_means_and_t_intervals_of_every_figure():
    for row in policy_rows(REPETITIONS, 'lift'):
        for figure, low, high in (('lift', 'low', 'high'), ('ctr', 'ctr_low', 'ctr_high')):
            sample = values(row['policy'], figure)
            bounds = scipy.stats.t.interval(0.95, 5, np.mean(sample), scipy.stats.sem(sample))
            assert (row[figure], row[low], row[high]) == pytest.approx((np.mean(sample), *bounds))


def test_differences_are_paired_by_repetition():
    (row,) = differences(REPETITIONS, 'lift')
    test = scipy.stats.ttest_rel(values('genco', 'lift'), values('peer', 'lift'))
    assert (row['policy'], row['peer']) == ('genco', 'peer')
    assert row['p'] == pytest.approx(test.pvalue)
    assert (row['low'], row['high']) == pytest.approx(tuple(test.confidence_interval(0.95)))


def test_an_interval_is_named_after_its_figure():
    row = interval_row(Interval(2.0, 1.0, 3.0), 'change', 'change_')
    assert row == {'change': 2.0, 'change_low': 1.0, 'change_high': 3.0}
