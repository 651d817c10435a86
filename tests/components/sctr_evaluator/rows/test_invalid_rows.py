"""Bad rows are left out and named."""

import numpy as np
import pytest

from components.sctr_evaluator.rows.invalid_rows import SENTENCES, Faults, sound


def _rows():
    return {
        'click': np.zeros(4),
        'weight': np.ones(4),
        'shown': np.array([[0, 1], [0, -1], [1, 2], [0, 0]]),
        'candidate_count': np.array([[1, 2], [2, 0], [3, 3], [1, 1]]),
        'propensity': np.array([[1.0, 0.5], [0.5, 1.0], [0.3, 0.3], [1.0, 1.0]]),
        'scores': [np.zeros((4, 2, 3)), np.full(4, -np.inf)],
    }


def test_good_rows_are_kept():
    good, faults = sound(**_rows())
    assert good.all() and faults.problems() == [] and faults.rows == 4


@pytest.mark.parametrize(
    ('field', 'place', 'value', 'kind'),
    [
        ('propensity', (2, 0), 0.0, 'propensity'),
        ('propensity', (2, 0), np.nan, 'propensity'),
        ('propensity', (2, 1), 1.5, 'propensity'),
        ('propensity', (2, 1), -0.5, 'propensity'),
        ('shown', (2, 0), 3, 'candidates'),
        ('shown', (2, 0), -1, 'candidates'),
        ('candidate_count', (2, 1), 0, 'candidates'),
        ('click', 2, np.nan, 'label'),
        ('click', 2, 2.0, 'label'),
        ('weight', 2, -1.0, 'label'),
        ('weight', 2, np.inf, 'label'),
    ],
)
def test_a_bad_row_is_left_out_and_named(field, place, value, kind):
    rows = _rows()
    rows[field][place] = value
    good, faults = sound(**rows)
    assert good.tolist() == [True, True, False, True]
    assert {name for name, count in faults.counts.items() if count} == {kind}
    assert faults.problems() == [f'1 of 4 rows left out {SENTENCES[kind]}']


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_named(value):
    rows = _rows()
    rows['scores'][0][2, 1, 0] = value
    good, faults = sound(**rows)
    assert good.tolist() == [True, True, False, True] and faults.counts['scores'] == 1


def test_the_propensity_of_an_absent_component_does_not_matter():
    rows = _rows()
    rows['propensity'][1, 1] = 0.0
    assert sound(**rows)[0].all()


def test_merging_adds_up():
    counts = dict.fromkeys(SENTENCES, 0)
    merged = Faults.merged([Faults(counts | {'scores': 2}, 10), Faults(counts | {'scores': 1}, 5)])
    assert merged == Faults(counts | {'scores': 3}, 15)
