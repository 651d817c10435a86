"""Elimination by confidence bounds."""

import numpy as np
import pytest

from model.baselines import DynamicCreativeOptimization
from model.baselines.dco import _ELIMINATED, _wilson
from model.features import packed_batch as keys
from tests.model.baselines.logs import TABLES, batch_of


def _scores(clicks, impressions):
    """Scores of four titles with these counts."""
    shown = [[title, 0] for title in range(4) for _ in range(2)]
    clicks, impressions = np.array(clicks), np.array(impressions)
    weight = np.stack([clicks, impressions - clicks], 1).ravel()
    batch = batch_of([0] * 8, shown, [1, 0] * 4, weight)
    batch = {name: value[weight > 0] for name, value in batch.items() if name != keys.ELEMENTS}
    batch[keys.ELEMENTS] = np.tile(np.arange(7) + np.repeat([0, 44], [4, 3]), (weight > 0).sum())
    policy = DynamicCreativeOptimization(TABLES)
    policy.fit([batch])
    return policy.element_scores(batch)[:4]


def test_eliminates_what_is_certainly_worse():
    scores = _scores([200, 20, 190, 1], [1000, 1000, 1000, 20])
    assert (scores < _ELIMINATED / 2).tolist() == [False, True, False, False]
    assert np.exp(scores[[0, 2, 3]]) == pytest.approx([0.2, 0.19, 0.05])


def test_what_was_never_shown_has_the_ctr_of_the_ad():
    scores = _scores([30, 10, 20, 0], [1000, 1000, 1000, 0])
    assert np.exp(scores[3]) == pytest.approx(0.02)


def test_bounds_are_those_of_wilson():
    low, high = _wilson(np.array([0.0, 5.0, 0.0]), np.array([0.0, 50.0, 10.0]))
    assert (low[0], high[0]) == pytest.approx((0, 1), abs=1e-6)
    assert (low[1], high[1]) == pytest.approx((0.0435, 0.2136), abs=1e-3)
    assert (low[2], high[2]) == pytest.approx((0, 0.2775), abs=1e-3)
