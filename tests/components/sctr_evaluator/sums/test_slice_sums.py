"""Rows grouped by value: against plain loops, in any parts, with bounded memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.sums import slice_sums as slices
from components.sctr_evaluator.sums.slice_sums import (
    BRACKETS,
    MISSING,
    SliceCounts,
    Slicer,
    SliceRows,
    bracket_names,
    brackets,
    middle_brackets,
)

DAY_MS = 86_400_000
CONFIG = EvaluationConfig(
    slices=('candidates', 'day', 'category', ('category', 'candidates'), ('day', 'category'))
)


def _rows(rng, rows=60, categories=3) -> SliceRows:
    labels = [None if c == 0 else f'c{c}' for c in rng.integers(0, categories + 1, rows)]
    return SliceRows(
        keys=rng.integers(0, 10, rows),
        labels={'category': labels},
        timestamp=rng.integers(0, 3, rows) * DAY_MS + 5,
        bracket=rng.integers(-1, 3, (rows, 2)),
        sums=rng.integers(0, 9, (rows, 2, 3)).astype(float),
    )


def _value(name, rows, r, j):
    if name == 'candidates':
        return BRACKETS[rows.bracket[r, j]] if rows.bracket[r, j] >= 0 else None
    if name == 'day':
        return f'1970-01-0{rows.timestamp[r] // DAY_MS + 1}'
    return rows.labels[name][r] or MISSING


def _by_hand(rows: SliceRows, by):
    """{value: (sums [2, 3], rows)}."""
    found: dict = {}
    for r in range(len(rows.keys)):
        seen = set()
        for j in range(2):
            value = tuple(_value(name, rows, r, j) for name in by)
            if None in value:
                continue
            sums, _ = entry = found.setdefault(value, [np.zeros((2, 3)), 0])
            sums[j] += rows.sums[r, j]
            seen.add(value)
            found[value] = entry
        for value in seen:
            found[value][1] += 1
    return found


def _sliced(parts, config=CONFIG):
    slicer = Slicer(config)
    tables = {}
    for part in parts:
        slicer.add(part)
        for name, table in slicer.flush():
            tables.setdefault(name, []).append(table)
    for name, table in slicer.flush(everything=True):
        tables.setdefault(name, []).append(table)
    return {name: ClusterSums.merged(found) for name, found in tables.items()}, slicer.counts()


def _take(rows, chosen):
    labels = {name: [values[r] for r in chosen] for name, values in rows.labels.items()}
    return SliceRows(
        rows.keys[chosen], labels, rows.timestamp[chosen], rows.bracket[chosen], rows.sums[chosen]
    )


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_sums_of_every_slice_equal_a_plain_loop(seed):
    rng = np.random.default_rng(seed)
    rows = _rows(rng)
    cut = int(rng.integers(1, 59))
    tables, counts = _sliced([_take(rows, np.arange(cut)), _take(rows, np.arange(cut, 60))])
    for by in CONFIG.slices:
        expected = _by_hand(rows, by)
        assert {value for name, value in tables if name == by} == expected.keys()
        for value, (sums, number) in expected.items():
            flat = tables[by, value].sums.sum(0)
            np.testing.assert_allclose(flat[:-1].reshape(2, 3), sums)
            assert flat[-1] == counts[by].rows[value] == number
        assert not counts[by].full


@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_sums_are_kept_by_cluster(seed):
    rows = _rows(np.random.default_rng(seed))
    tables, _ = _sliced([rows])
    table = tables[('day',), ('1970-01-02',)]
    chosen = rows.timestamp // DAY_MS == 1
    expected = ClusterSums.of(rows.keys[chosen], rows.sums[chosen].reshape(-1, 6))
    np.testing.assert_array_equal(table.keys, expected.keys)
    np.testing.assert_allclose(table.sums[:, :-1], expected.sums)


def test_many_pairs_are_given_out_in_pieces_that_come_to_the_same(monkeypatch):
    rng = np.random.default_rng(1)
    rows = _rows(rng, 400)
    whole, _ = _sliced([rows])
    monkeypatch.setattr(slices, '_MOST_PAIRS', 8)
    pieces, _ = _sliced([_take(rows, part) for part in np.split(np.arange(400), 10)])
    assert whole.keys() == pieces.keys()
    for name in whole:
        np.testing.assert_array_equal(pieces[name].keys, whole[name].keys)
        np.testing.assert_allclose(pieces[name].sums, whole[name].sums)


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_what_is_listed_is_whole_however_many_values_there_are(seed):
    rng = np.random.default_rng(seed)
    rows = _rows(rng, 200, categories=30)
    config = EvaluationConfig(slices=('category',))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, '_MOST_VALUES', 8)
        parts = np.split(rng.permutation(200), [50, 120])
        found = [_sliced([_take(rows, part)], config) for part in parts]
        counts = SliceCounts.merged([part['category',] for _, part in found])
    expected = _by_hand(rows, ('category',))
    assert counts.full and len(counts.rows) <= 8
    for value, number in counts.rows.items():
        assert number == expected[value][1]
        name = (('category',), value)
        assert sum(tables[name].sums[:, -1].sum() for tables, _ in found if name in tables) == number
    assert sum(counts.rows.values()) + counts.rest_rows == 200


def test_the_values_of_most_rows_are_kept_and_the_others_counted():
    counts = SliceCounts({('a',): 5, ('b',): 9, ('c',): 5, ('d',): 1})
    assert counts.largest(3) == [('b',), ('a',), ('c',)]


def test_brackets_are_those_of_the_component():
    config = EvaluationConfig(candidate_brackets={'highlight': (4, 8)})
    middle = middle_brackets(config, ['title', 'highlight'])
    counts = np.array([[2, 3], [3, 4], [5, 8], [6, 9]])
    np.testing.assert_array_equal(brackets(counts, middle), [[0, 0], [1, 1], [1, 1], [2, 2]])
    assert bracket_names(config, ['highlight']) == {
        'highlight': {'few': 'below 4', 'medium': '4 to 8', 'many': 'above 8'}
    }
