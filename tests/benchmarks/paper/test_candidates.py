import json

import pytest

from benchmarks.paper import candidates
from benchmarks.paper.candidates import BRACKETS
from creative_logs.simulator.config import SimulatorConfig


@pytest.fixture(scope='module')
def figures():
    return candidates.run(quick=True)


def by_component(figures):
    found = {}
    for row in figures['rows']:
        found.setdefault(row['component'], []).append(row)
    return found


def test_more_candidates_give_more_lift(figures):
    for component, rows in by_component(figures).items():
        if component in ('image', 'highlight', 'structure_attribute'):
            assert rows[-1]['lift'] > rows[0]['lift'], component


def test_lifts_are_positive_where_there_is_much_to_choose_from(figures):
    rows = [row for row in figures['rows'] if row['from'] >= 3 and row['requests'] > 300]
    assert len(rows) >= 5
    assert all(row['lift'] > 0 for row in rows)


def test_brackets_are_those_of_the_components_and_hold_requests(figures):
    for component, rows in by_component(figures).items():
        assert {(row['from'], row['to']) for row in rows} <= set(BRACKETS[component])
        assert all(row['requests'] >= 20 for row in rows)
    assert list(by_component(figures)) == [c.name for c in SimulatorConfig().components]


def test_brackets_leave_no_number_out():
    for brackets in BRACKETS.values():
        numbers = [n for low, high in brackets for n in range(low, high + 1)]
        assert numbers == list(range(1, SimulatorConfig().max_candidates + 1))


def test_figures_are_json(figures):
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
