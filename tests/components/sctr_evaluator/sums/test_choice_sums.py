"""Choices from outside: the join, against a plain loop, and the figures that come of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.rows.choice_rows import NOT_CHOSEN, ChoiceTable, LoggedRows
from components.sctr_evaluator.sums.choice_sums import ChoiceTotals, join
from components.sctr_evaluator.sums.estimator_sums import SumColumns

ROWS, COMPONENTS = 60, 2


def _log(rng: np.random.Generator, rows: int = ROWS) -> LoggedRows:
    counts = rng.integers(0, 5, (rows, COMPONENTS))
    shown = np.where(counts > 0, (rng.random(counts.shape) * counts).astype(np.int64), -1)
    number = rng.integers(0, 40, rows)
    return LoggedRows(
        request=number.astype(np.int64) << 56,
        name=np.array([f'r{n}'.encode() for n in number]),
        keys=rng.integers(0, 9, rows),
        click=rng.integers(0, 2, rows).astype(np.float32),
        weight=rng.integers(1, 4, rows).astype(np.float32),
        shown=shown,
        candidate_count=counts,
        propensity=(1 / np.maximum(counts, 1)).astype(np.float32),
    )


def _table(rng: np.random.Generator) -> ChoiceTable:
    """Choices for every second request that the log may ask for."""
    request = np.arange(0, 60, 2).astype(np.int64) << 56
    return ChoiceTable(request, rng.choice([NOT_CHOSEN, 0, 1, 2], (len(request), COMPONENTS)))


def _by_hand(log: LoggedRows, table: ChoiceTable, min_candidates: int):
    """Clicks and exposures of the choices per component, and of whole combinations (replay)."""
    chosen = {int(r): c for r, c in zip(table.request, table.choice)}
    by_component, whole, matched = np.zeros((COMPONENTS, 2)), np.zeros(2), 0
    for r in range(len(log.request)):
        choice = chosen.get(int(log.request[r]))
        if choice is None:
            continue
        matched += 1
        y, v, product = float(log.click[r]), float(log.weight[r]), 1.0
        for j in range(COMPONENTS):
            n = int(log.candidate_count[r, j])
            if n == 0 or choice[j] == NOT_CHOSEN:
                continue
            w = n * float(choice[j] == log.shown[r, j])
            product *= w
            if n >= min_candidates:
                by_component[j] += [v * w * y, v * w]
        whole += [v * product * y, v * product]
    return by_component, whole, matched


@given(st.integers(0, 2**32), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_the_join_equals_a_plain_loop(seed, min_candidates):
    rng = np.random.default_rng(seed)
    log, table = _log(rng), _table(rng)
    found, totals = join([log], [table], COMPONENTS, min_candidates)
    by_component, whole, matched = _by_hand(log, table, min_candidates)
    assert (totals.matched, totals.unmatched, totals.repeated) == (matched, ROWS - matched, 0)
    assert totals.unused == len(table.request) - len(set(log.request) & set(table.request))
    assert len(totals.examples) == min(3, len(set(log.request) - set(table.request)))
    layout = SumColumns(COMPONENTS, 2)
    of_component = layout.component_ratios(found.sums)['snips'][:, :COMPONENTS, 1]
    np.testing.assert_allclose(of_component.sum(0), by_component, rtol=1e-6)
    of_whole = layout.combination_ratios(found.sums)['replay'][:, 0, 1]
    np.testing.assert_allclose(of_whole.sum(0), whole, rtol=1e-6)


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_shards_joined_apart_come_to_the_same(seed):
    rng = np.random.default_rng(seed)
    log, table = _log(rng), _table(rng)
    whole, expected = join([log], [table], COMPONENTS, 2)
    rows, choices = dict(log.shards()), dict(table.shards())
    parts = [
        join(
            [rows[s]] if s in rows else [],
            [choices[s]] if s in choices else [],
            COMPONENTS,
            2,
        )
        for s in rows.keys() | choices.keys()
    ]
    merged = ClusterSums.merged([found for found, _ in parts if found is not None])
    np.testing.assert_array_equal(merged.keys, whole.keys)
    np.testing.assert_allclose(merged.sums, whole.sums, atol=1e-9)
    totals = ChoiceTotals.merged([total for _, total in parts])
    assert (totals.matched, totals.unmatched, totals.unused) == (
        expected.matched,
        expected.unmatched,
        expected.unused,
    )
    assert totals.examples == expected.examples
    np.testing.assert_allclose(totals.squares, expected.squares)


def test_repeated_requests_are_counted():
    rng = np.random.default_rng(1)
    log, table = _log(rng), _table(rng)
    assert join([log], [table, table], COMPONENTS, 2)[1].repeated == len(table.request)


@pytest.mark.parametrize('side', ['rows', 'choices'])
def test_one_side_alone_matches_nothing(side):
    rng = np.random.default_rng(2)
    rows, tables = ([_log(rng)], []) if side == 'rows' else ([], [_table(rng)])
    found, totals = join(rows, tables, COMPONENTS, 2)
    assert found is None and totals.matched == 0
    assert (totals.unmatched, totals.unused) == ((ROWS, 0) if side == 'rows' else (0, 30))
