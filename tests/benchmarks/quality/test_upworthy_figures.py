"""Rows of figures from clicks by test."""

import numpy as np
import pytest

from benchmarks.common.statistics import mean_interval, paired_difference
from benchmarks.quality.upworthy_figures import Repeated, Resampled

RNG = np.random.default_rng(0)
BASE = [RNG.uniform(1, 2, 60) for _ in range(4)]
CLICKS = [
    {'genco': base * RNG.normal(1.2, 0.2, 60), 'peer': base * RNG.normal(1.1, 0.2, 60)} for base in BASE
]
LIFTS = {
    name: np.array([clicks[name].sum() / base.sum() - 1 for clicks, base in zip(CLICKS, BASE)])
    for name in CLICKS[0]
}


def test_rows_have_the_interval_over_splits_and_that_over_tests():
    genco, peer = Repeated(CLICKS, BASE).rows()
    assert (genco['policy'], peer['policy']) == ('genco', 'peer')
    assert (genco['lift'], genco['low'], genco['high']) == pytest.approx(mean_interval(LIFTS['genco']))
    assert genco['tests_low'] < genco['lift'] < genco['tests_high']


def test_differences_are_paired():
    (row,) = Repeated(CLICKS, BASE).differences('genco')
    expected = paired_difference(LIFTS['genco'], LIFTS['peer'])
    assert row['peer'] == 'peer'
    assert (row['difference'], row['low'], row['high'], row['p']) == pytest.approx(expected)
    assert row['tests_low'] < row['difference'] < row['tests_high']


def test_equal_policies_differ_by_nothing_in_any_resample():
    same = Resampled({'genco': CLICKS[0]['genco'], 'peer': CLICKS[0]['genco']}, BASE[0])
    (row,) = same.differences('genco')
    assert (row['difference'], row['low'], row['high']) == (0, 0, 0)
    assert same.rows()[0]['lift'] == pytest.approx(LIFTS['genco'][0])
