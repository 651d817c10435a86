import json

import numpy as np
import pytest

from benchmarks.paper import importance
from benchmarks.paper.importance import MEASURES, TRUTH
from creative_logs.simulator.config import SimulatorConfig

CATEGORIES = SimulatorConfig().importance


@pytest.fixture(scope='module')
def figures():
    return importance.run(quick=True)


def test_what_was_learned_is_ranked_like_the_truth(figures):
    ranks = {row['measure']: row['value'] for row in figures['rank_correlations'] if row['category'] == 'all'}
    assert ranks['score_variance'] > 0.1


def test_shares_add_up(figures):
    for category in CATEGORIES:
        rows = [row for row in figures['rows'] if row['category'] == category]
        for name in (TRUTH, *MEASURES):
            assert sum(row[name] for row in rows) == pytest.approx(1)
            assert all(row[name] >= 0 for row in rows)


def test_the_truth_is_that_of_the_simulator(figures):
    for category, weights in CATEGORIES.items():
        rows = [row for row in figures['rows'] if row['category'] == category]
        squares = np.square(weights)
        assert [row[TRUTH] for row in rows] == pytest.approx(list(squares / squares.sum()))


def test_every_measure_is_correlated_in_every_category(figures):
    found = {(row['measure'], row['category']) for row in figures['rank_correlations']}
    assert found == {(measure, c) for measure in MEASURES for c in [*CATEGORIES, 'all']}


def test_figures_are_json(figures):
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
