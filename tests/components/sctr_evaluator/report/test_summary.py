"""The readable summary."""

import json

import numpy as np

from components.sctr_evaluator.report.summary import headline, problems, reasons, tables, to_markdown
from components.sctr_evaluator.results.evaluation import evaluate
from tests.components.sctr_evaluator.scored import CONFIG, found_of, random_scored


def _result(rows=300, ctr=0.3, paired=False, config=CONFIG):
    rng = np.random.default_rng(1)
    scored = random_scored(rng, rows, ctr)
    serving = scored.take(np.arange(rows)) if paired else None
    result = evaluate(found_of(scored, rng.integers(0, 50, rows), serving, config), config)
    return json.loads(json.dumps(result, allow_nan=False))


def test_tables_hold_every_component_and_the_overall_figure():
    result = _result(paired=True)
    by_component, by_policy, *_ = tables(result)
    assert [row[0] for row in by_component.rows] == ['title', 'image', 'badge', 'overall']
    overall = result['policies']['two_stage']['overall']
    assert by_component.rows[-1][1] == f'{overall["sctr"]["value"] * 100:.2f} %'
    assert by_component.rows[-1][5] == '+0.0 % (+0.0 to +0.0)'
    assert by_policy.rows[-1][5] == by_component.rows[-1][3]
    assert all(len(row) == len(table.columns) for table in tables(result) for row in table.rows)


def test_markdown_has_headline_reasons_and_tables():
    result = _result()
    text = to_markdown(result)
    assert headline(result) in text
    assert all(f'- {reason}' in text for reason in reasons(result))
    assert all(f'## {table.title}' in text for table in tables(result))


def test_every_slice_has_a_row_and_says_what_was_left_out():
    config = CONFIG.model_copy(update={'slices': (('day',), ('candidates',)), 'max_slice_values': 2})
    result = _result(config=config)
    by_day, by_candidates = (
        table for table in tables(result) if ' by day' in table.title or ' by cand' in table.title
    )
    assert len(by_day.rows) == len(by_candidates.rows) == 2
    assert '1 more values (' in by_day.title and '1 more values (' in by_candidates.title
    first = result['slices'][0]['values'][0]
    assert by_day.rows[0][1] == f'{first["rows"]:,}'


def test_a_forced_blessing_and_problems_are_said_first():
    result = _result(ctr=0.0, config=CONFIG.model_copy(update={'force_blessing': 'roll-back'}))
    assert 'The blessing is FORCED: roll-back. The rules are NOT met.' in headline(result)
    assert result['verdict']['blessed'] and not result['verdict']['passed']
    assert 'WARNING: there is no click: nothing can be measured' in problems(result)
    text = to_markdown(result)
    assert text.index('WARNING') < text.index(reasons(result)[0])


def test_a_value_cannot_break_a_table():
    result = _result()
    result['slices'][0]['values'][0]['value'] = ['a|b\nc']
    assert '| a\\|b c |' in to_markdown(result)


def test_what_is_not_known_is_a_dash_not_a_number():
    result = _result(ctr=0.0)
    text = to_markdown(result)
    assert 'nan' not in text.lower() and 'None' not in text
    assert tables(result)[0].rows[0][3] == '-'
    assert not result['verdict']['blessed']
    assert result['calibration']['problem'] == 'no click'


def test_rows_without_a_choice_count_nothing():
    rng = np.random.default_rng(2)
    scored = random_scored(rng, 20, most=1)
    result = evaluate(found_of(scored, np.arange(20)), CONFIG)
    overall = result['policies']['greedy']['overall']
    assert overall['rows'] == 0 and overall['match_rate'] is None and overall['effective_sample_size'] == 0
    assert 'never chose' in overall['sctr']['problem']
    assert 'nan' not in to_markdown(result).lower()


def test_effective_sample_size_and_match_rate_are_those_of_the_weights():
    scored = random_scored(np.random.default_rng(3), 500)
    figures = evaluate(found_of(scored, np.arange(500)), CONFIG)['policies']['greedy']['title']
    n = scored.candidate_count[:, 0]
    counted = n >= 2
    matched = counted & (scored.greedy[:, 0] == scored.shown[:, 0])
    assert figures['rows'] == counted.sum()
    np.testing.assert_allclose(figures['match_rate'], matched.sum() / counted.sum())
    np.testing.assert_allclose(
        figures['effective_sample_size'], n[matched].sum() ** 2 / (n[matched] ** 2).sum(), rtol=1e-6
    )
