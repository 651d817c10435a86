"""Figures of slices are those of an evaluation of their rows alone."""

import numpy as np
import pytest

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.results.evaluation import evaluate
from components.sctr_evaluator.sums.batch_sums import measure
from components.sctr_evaluator.sums.slice_sums import BRACKETS, brackets, middle_brackets
from tests.components.sctr_evaluator.scored import found_of, random_scored, summed

ROWS = 900
CONFIG = EvaluationConfig(
    slices=('day', 'candidates', 'category', ('candidates', 'day')),
    blessing_policy='sampled_expectation',
    bootstrap_replicates=0,
    max_slice_values=2,
    candidate_brackets={'image': (3, 4)},
)
ALL = CONFIG.model_copy(update={'max_slice_values': 20})
WHOLE = CONFIG.model_copy(update={'slices': ()})


@pytest.fixture(scope='module')
def data():
    rng = np.random.default_rng(1)
    scored, serving = random_scored(rng, ROWS), random_scored(rng, ROWS)
    for name in ('click', 'weight', 'candidate_count', 'shown', 'shown_propensity', 'timestamp'):
        serving = serving._replace(**{name: getattr(scored, name)})
    return (
        scored,
        serving,
        rng.integers(0, 90, ROWS),
        rng.choice(['phone', 'wine', 'bed'], ROWS, p=[0.5, 0.3, 0.2]),
    )


def _result(data, config):
    scored, serving, keys, category = data
    return evaluate(
        summed([measure(scored, serving, keys, {'category': list(category)}, config)], config), config
    )


def _of_rows(data, chosen):
    scored, serving, keys, _ = data
    found = found_of(scored.take(chosen), keys[chosen], serving.take(chosen), WHOLE)
    return evaluate(found, WHOLE)


def _slicing(result, *by):
    return next(slicing for slicing in result['slices'] if slicing['by'] == list(by))


def _assert_level(found, expected, level):
    figures = expected['policies']['sampled_expectation'][level]
    for name in (
        'sctr',
        'lift_over_uniform',
        'lift_over_serving',
        'rows',
        'clusters',
        'effective_sample_size',
    ):
        if isinstance(figures[name], dict):
            for part in ('value', 'low', 'high'):
                assert found[level][name][part] == pytest.approx(figures[name][part], rel=1e-6), (level, name)
        else:
            assert found[level][name] == pytest.approx(figures[name]), (level, name)
    assert found[level]['uniform']['value'] == pytest.approx(expected['uniform'][level]['sctr']['value'])


def test_a_day_has_the_figures_of_its_rows(data):
    result = _result(data, ALL)
    days = _slicing(result, 'day')['values']
    assert [part['value'] for part in days] == [['1970-01-01'], ['1970-01-02'], ['1970-01-03']]
    for number, part in enumerate(days):
        chosen = np.flatnonzero(data[0].timestamp == number * 86_400_000)
        expected = _of_rows(data, chosen)
        assert part['rows'] == len(chosen)
        for level in ('title', 'image', 'badge', 'overall'):
            _assert_level(part['levels'], expected, level)
        assert part['attention'] == pytest.approx(expected['attention'])


def test_a_bracket_has_the_figures_of_the_component_where_it_has_so_many(data):
    result = _result(data, ALL)
    middle = middle_brackets(ALL, ('title', 'image', 'badge'))
    bracket = brackets(data[0].candidate_count, middle)
    for part in _slicing(result, 'candidates')['values']:
        for j, name in enumerate(('title', 'image', 'badge')):
            chosen = np.flatnonzero(bracket[:, j] == BRACKETS.index(part['value'][0]))
            _assert_level(part['levels'], _of_rows(data, chosen), name)
    assert result['brackets']['image'] == {'few': 'below 3', 'medium': '3 to 4', 'many': 'above 4'}


def test_crossed_slices_have_the_figures_of_both(data):
    part = next(
        part
        for part in _slicing(_result(data, ALL), 'candidates', 'day')['values']
        if part['value'] == ['medium', '1970-01-02']
    )
    counts = data[0].candidate_count[:, 0]
    chosen = np.flatnonzero((counts >= 3) & (counts <= 5) & (data[0].timestamp == 86_400_000))
    _assert_level(part['levels'], _of_rows(data, chosen), 'title')


def test_values_of_fewer_rows_are_counted_but_not_kept(data):
    by_category = _slicing(_result(data, CONFIG), 'category')
    assert [part['value'] for part in by_category['values']] == [['phone'], ['wine']]
    assert by_category['rest'] == {'values': 1, 'rows': int((data[3] == 'bed').sum())}
