"""The quick form on the real archive: GenCO must beat chance, and the figures must be what they promise."""

import json

import pytest

from benchmarks.quality import upworthy, upworthy_report
from model.baselines import peers
from tests.creative_logs.upworthy.helpers import ARCHIVE
from tests.model.random_batches import TABLES

pytestmark = pytest.mark.minutes

POLICIES = {*peers(TABLES), 'f_ele', 'f_comb', 'genco'}


@pytest.fixture(scope='module')
def figures() -> dict:
    if not ARCHIVE.exists():
        pytest.skip(f'{ARCHIVE.name}: the archive is not here')
    return upworthy.run(quick=True, log=ARCHIVE)


def test_genco_beats_chance_whatever_tests_are_drawn(figures):
    rows = {row['policy']: row for row in figures['rows']}
    assert rows['genco']['tests_low'] > 0.05
    assert rows['uniform']['lift'] == pytest.approx(0)


def test_two_stages_are_not_below_the_first_alone(figures):
    rows = {row['peer']: row for row in figures['differences']}
    assert rows['f_ele']['tests_high'] > -0.01
    assert rows['mlp']['difference'] > 0


def test_figures_are_complete_and_ready_for_json(figures):
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert {row['policy'] for row in figures['rows']} == POLICIES
    assert {row['policy'] for row in figures['new_tests']} == POLICIES
    assert {row['peer'] for row in figures['differences']} == POLICIES - {'genco'}
    assert {row['component'] for row in figures['sctr']} == {'headline', 'image', 'excerpt', 'lede'}
    assert all({'share', 'policy', 'lift', 'low', 'high'} <= set(row) for row in figures['rows'])


def test_report_shows_every_policy(figures):
    assert len(upworthy_report.tables(figures)) == 6
    page = upworthy_report.plot(figures)
    assert all(f'>{policy}</text>' in page for policy in POLICIES)
