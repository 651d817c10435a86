"""What choices are worth, against the definitions."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.common.packed_rows import PackedRows
from benchmarks.quality.upworthy_choice import (
    Chooser,
    clicks_by_test,
    component_lift,
    component_sums,
    uniform_choice,
)
from benchmarks.quality.upworthy_log import UpworthyLog
from creative_logs.upworthy.convert import Counts
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables

SHOWN = np.array([[0, 0], [1, 0], [1, 1], [0, -1], [1, -1], [0, 0], [0, 1]])
TEST = np.array([0, 0, 0, 1, 1, 2, 2])
COUNTS = Counts(np.array([100, 200, 100, 50, 150, 80, 80]), np.array([10, 30, 10, 5, 6, 8, 4]))
TABLES = FeatureTables({'ad_id': 3}, (), {}, {'title': 6, 'image': 6}, 0, {}, 'ad_id', 15)


@pytest.fixture
def log() -> UpworthyLog:
    candidates = np.array([[2, 2], [3, 0], [1, 2]], np.int32)[TEST]
    first = {0: [0, 1, 6, 7], 1: [2, 3, 5], 2: [4, 8, 9]}
    share = [[np.mean(SHOWN[TEST == t, j] == SHOWN[p, j]) for j in range(2)] for p, t in enumerate(TEST)]
    batch = {
        keys.CONTEXT_IDS: TEST[:, None],
        keys.COUNTS: candidates,
        keys.ELEMENTS: np.concatenate([first[t] for t in TEST]),
        keys.SHOWN: SHOWN,
        keys.PROPENSITY: np.array(share, np.float32),
    }
    batch = {name: tf.constant(value) for name, value in batch.items()}
    return UpworthyLog(TABLES, batch, TEST, TEST, np.zeros(7, 'datetime64[D]'), COUNTS)


class _Fixed:
    """Scores by the sum of positions; remembers what it was asked."""

    def score_combinations(self, request, combinations):
        assert keys.SHOWN not in request
        return combinations.sum(2).astype(float)


class _Indifferent(_Fixed):
    def score_combinations(self, request, combinations):
        return np.zeros(combinations.shape[:2])


def test_the_highest_score_is_chosen(log):
    np.testing.assert_array_equal(Chooser(log, PackedRows(log.batch))(_Fixed()), [0, 0, 1, 0, 1, 0, 1])


def test_equal_scores_share_the_choice(log):
    chosen = Chooser(log, PackedRows(log.batch))(_Indifferent())
    np.testing.assert_allclose(chosen, uniform_choice(log))
    np.testing.assert_allclose(chosen, [1 / 3] * 3 + [1 / 2] * 4)


def test_other_tests_are_not_asked(log):
    chosen = Chooser(log, PackedRows(log.batch), np.array([0, 2]))(_Fixed())
    np.testing.assert_array_equal(chosen, [0, 0, 1, 0, 0, 0, 1])


def test_clicks_weigh_tests_by_their_impressions(log):
    chosen = np.array([0, 1, 0, 0.5, 0.5, 1, 0])
    expected = [400 * 30 / 200, 200 * (5 / 50 + 6 / 150) / 2, 160 * 8 / 80]
    np.testing.assert_allclose(clicks_by_test(log, chosen, COUNTS), expected)


def test_component_lift_is_that_of_algorithm_1(log):
    """Row by row: a click and an exposure each grow by weight / propensity where the choice was shown."""
    chosen = np.array([0, 1, 0, 0, 1, 1, 0.0])
    sums = np.tile(component_sums(log, chosen, COUNTS), [20, 1, 1, 1])  # enough tests for an interval
    title = {0: 1, 1: 1}
    numerator = denominator = uniform_numerator = uniform_denominator = 0.0
    for p, test in enumerate(TEST):
        if test in title:
            weight = 1 / np.mean(SHOWN[TEST == test, 0] == SHOWN[p, 0])
            match = SHOWN[p, 0] == title[test]
            numerator += weight * match * COUNTS.clicks[p]
            denominator += weight * match * COUNTS.impressions[p]
            candidates = int(log.batch[keys.COUNTS][p, 0])
            uniform_numerator += weight / candidates * COUNTS.clicks[p]
            uniform_denominator += weight / candidates * COUNTS.impressions[p]
    found = component_lift(sums, 0, 0.95)
    expected = numerator / denominator / (uniform_numerator / uniform_denominator) - 1
    assert found.value == pytest.approx(expected)
    assert found.low < found.value < found.high
