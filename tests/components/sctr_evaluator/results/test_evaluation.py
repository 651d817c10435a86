"""The figures of an evaluation and how they fit together."""

import numpy as np
import pytest

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.results.blessing import percent
from components.sctr_evaluator.results.evaluation import evaluate
from components.sctr_evaluator.rows.scored_rows import ScoredRows
from tests.components.sctr_evaluator.scored import found_of, random_scored


@pytest.fixture(scope='module')
def scored():
    return random_scored(np.random.default_rng(1), 600)


@pytest.fixture(scope='module')
def paired(scored):
    """Figures of a model and of a serving model that chooses otherwise on the same rows."""
    serving = random_scored(np.random.default_rng(2), 600)
    for name in ('click', 'weight', 'candidate_count', 'shown', 'shown_propensity'):
        serving = serving._replace(**{name: getattr(scored, name)})
    config = EvaluationConfig(blessing_policy='sampled_expectation', must_pass=('image',))
    return evaluate(found_of(scored, np.arange(600) // 6, serving, config), config)


def test_lift_over_serving_is_that_of_the_two_rates(paired):
    for policy, levels in paired['policies'].items():
        for level, figures in levels.items():
            ratio = figures['sctr']['value'] / paired['serving'][policy][level]['sctr']['value']
            assert figures['lift_over_serving']['value'] == pytest.approx(ratio - 1)
            uniform = paired['uniform'][level]['sctr']['value']
            assert figures['lift_over_uniform']['value'] == pytest.approx(
                figures['sctr']['value'] / uniform - 1
            )


def test_verdict_quotes_the_figures_of_the_blessing_policy(paired):
    figures = paired['policies']['sampled_expectation']
    quoted = [
        figures['overall']['lift_over_uniform'],
        figures['image']['lift_over_uniform'],
        figures['overall']['lift_over_serving'],
        figures['image']['lift_over_serving'],
    ]
    sentences = [reason['sentence'] for reason in paired['verdict']['reasons']]
    assert len(sentences) == len(quoted)
    for sentence, estimate in zip(sentences, quoted):
        assert f'interval {percent(estimate["low"])} to {percent(estimate["high"])})' in sentence


def test_uniform_matches_every_row_and_has_its_click_rate(scored, paired):
    title = paired['uniform']['title']
    counted = scored.candidate_count[:, 0] >= 2
    assert title['sctr']['value'] == pytest.approx(scored.click[counted].mean())
    assert title['lift_over_uniform'] is None
    assert title['effective_sample_size'] == pytest.approx(counted.sum())


def test_attention_is_the_mean_over_the_rows_that_have_the_component(scored, paired):
    for j, name in enumerate(('title', 'image', 'badge')):
        present = scored.shown[:, j] >= 0
        assert paired['attention'][name] == pytest.approx(
            scored.attention_weight[present, j].mean(), rel=1e-5
        )


def test_every_estimate_has_its_bootstrap_beside_it(paired):
    for level in ('title', 'overall'):
        figures = paired['policies']['greedy'][level]
        rates = [figures['estimators'][name]['rate'] for name in ('ips', 'dm', 'dr')]
        for estimate in (figures['sctr'], figures['lift_over_serving'], *rates):
            found = estimate['bootstrap']
            assert (found['low'] is None) == (found['problem'] is not None)
            if found['low'] is not None:
                assert found['low'] < estimate['value'] < found['high']
    whole = paired['combinations']['two_stage']
    assert list(whole) == ['replay', 'pi', 'dm', 'dr']
    assert whole['pi']['lift_over_serving']['value'] is not None
    assert paired['combinations']['uniform']['pi']['lift_over_uniform'] is None


def test_bootstrap_intervals_agree_with_those_of_the_delta_method():
    scored = random_scored(np.random.default_rng(4), 6000)
    config = EvaluationConfig(bootstrap_replicates=400)
    result = evaluate(found_of(scored, np.arange(6000) << 40, None, config), config)
    for estimate in (
        result['policies']['greedy']['overall']['lift_over_uniform'],
        result['policies']['two_stage']['title']['estimators']['dr']['rate'],
        result['combinations']['sampled_expectation']['pi']['rate'],
    ):
        width = estimate['high'] - estimate['low']
        assert estimate['bootstrap']['low'] == pytest.approx(estimate['low'], abs=0.15 * width)
        assert estimate['bootstrap']['high'] == pytest.approx(estimate['high'], abs=0.15 * width)


def test_without_replicates_there_is_no_bootstrap(scored):
    config = EvaluationConfig(bootstrap_replicates=0)
    result = evaluate(found_of(scored, np.arange(600), None, config), config)
    assert result['policies']['greedy']['title']['sctr']['bootstrap'] is None


def test_rows_needed_are_those_of_the_standard_error(paired):
    figures = paired['policies']['sampled_expectation']['overall']
    estimate, impressions = figures['lift_over_uniform'], 0
    error = estimate['error'] / (1 + estimate['value'])
    impressions = sum(paired['policies']['greedy'][name]['rows'] for name in ('title', 'image', 'badge'))
    expected = impressions * ((1.959964 + 0.841621) * error / np.log(1.01)) ** 2
    assert figures['rows_needed'] == pytest.approx(expected, rel=1e-5)
    assert paired['uniform']['overall']['rows_needed'] is None


def test_rows_with_faults_are_counted_and_named_and_change_no_figure(scored):
    bad = ScoredRows(*(value.copy() for value in scored))
    bad.shown_propensity[0, 0] = 0.0
    bad.shown[1, 0] = 99
    bad.click[2] = np.nan
    bad.attention_weight[3, 0] = np.nan
    config = EvaluationConfig(bootstrap_replicates=20)
    keys = np.arange(600) // 6
    present = scored.candidate_count[0, 0] > 0
    result = evaluate(found_of(bad, keys, None, config), config)
    rows = np.arange(4 if present else 3, 600) if present else np.r_[0, 4:600]
    clean = evaluate(found_of(scored.take(rows), keys[rows], None, config), config)
    assert result['faults'] == {'propensity': int(present), 'candidates': 1, 'scores': 1, 'label': 1}
    assert len(result['problems']) == 3 + present
    assert result['policies'] == clean['policies'] and result['slices'] == clean['slices']
    assert not result['verdict']['passed']


@pytest.mark.parametrize(
    ('ctr', 'problem'), [(0.0, 'there is no click'), (1.0, 'every impression was clicked')]
)
def test_one_class_alone_is_named(ctr, problem):
    scored = random_scored(np.random.default_rng(5), 300, ctr=ctr)
    result = evaluate(found_of(scored, np.arange(300)), EvaluationConfig(bootstrap_replicates=50))
    assert problem in result['problems'][0]
    assert not result['verdict']['passed']
