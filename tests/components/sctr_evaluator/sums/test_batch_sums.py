"""Sums over rows: weights, merging, clusters."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sctr_evaluator.results.evaluation import evaluate
from components.sctr_evaluator.sums.batch_sums import measure
from components.sctr_evaluator.sums.row_totals import Totals
from tests.components.sctr_evaluator.scored import CONFIG, found_of, random_scored, summed

ROWS = 80


def _figures(scored, keys, serving=None):
    return evaluate(found_of(scored, keys, serving), CONFIG)


def _assert_close(left, right):
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            _assert_close(left[key], right[key])
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right)
        for pair in zip(left, right):
            _assert_close(*pair)
    elif isinstance(left, float):
        assert left == pytest.approx(right, rel=1e-6, abs=1e-9)
    else:
        assert left == right


def _without_rows(figures):
    if isinstance(figures, list):
        return [_without_rows(value) for value in figures]
    if not isinstance(figures, dict):
        return figures
    return {name: _without_rows(value) for name, value in figures.items() if name != 'rows'}


@given(st.integers(0, 2**32), st.integers(2, 30))
@settings(max_examples=25, deadline=None)
def test_a_weighted_row_equals_repeated_rows_of_its_cluster(seed, clusters):
    rng = np.random.default_rng(seed)
    scored = random_scored(rng, ROWS)
    keys = rng.integers(0, clusters, ROWS)
    repeats = rng.integers(0, 4, ROWS)
    repeats[0] = 1
    scored = scored._replace(weight=repeats.astype(np.float32))
    repeated = scored.take(np.repeat(np.arange(ROWS), repeats))
    repeated = repeated._replace(weight=np.ones(repeats.sum(), np.float32))
    scored, keys = scored.take(repeats > 0), keys[repeats > 0]
    weighted = _figures(scored, keys)
    _assert_close(
        _without_rows(weighted), _without_rows(_figures(repeated, np.repeat(keys, repeats[repeats > 0])))
    )


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_figures_do_not_depend_on_order_or_batches(seed):
    rng = np.random.default_rng(seed)
    scored, serving = random_scored(rng, ROWS), random_scored(rng, ROWS)
    for name in ('click', 'weight', 'candidate_count', 'shown', 'shown_propensity'):
        serving = serving._replace(**{name: getattr(scored, name)})
    keys = rng.integers(0, 20, ROWS)
    order = rng.permutation(ROWS)
    parts = [
        measure(scored.take(part), serving.take(part), keys[part], {}, CONFIG)
        for part in np.split(order, [7, 8, 50])
    ]
    _assert_close(evaluate(summed(parts), CONFIG), _figures(scored, keys, serving))


def test_every_sum_of_the_totals_is_merged():
    one = measure(random_scored(np.random.default_rng(1), 5), None, np.arange(5), {}, CONFIG).totals
    two = Totals.merged([one, one])
    for field in dataclasses.fields(Totals):
        before, after = getattr(one, field.name), getattr(two, field.name)
        if field.name in ('components', 'first', 'last'):
            assert after == before
        elif field.name == 'calibration':
            np.testing.assert_allclose(after.buckets, 2 * before.buckets)
            assert after.log_loss == pytest.approx(2 * before.log_loss)
        elif field.name == 'faults':
            assert after.rows == 2 * before.rows
        elif field.name != 'slices':
            np.testing.assert_allclose(after, 2 * np.asarray(before))
