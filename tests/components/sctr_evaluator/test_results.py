"""The figures of an evaluation and how they fit together."""

import numpy as np
import pytest

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.results import evaluate
from components.sctr_evaluator.verdict import percent
from tests.components.sctr_evaluator.scored import found_of, random_scored


@pytest.fixture(scope='module')
def scored():
    return random_scored(np.random.default_rng(1), 600)


@pytest.fixture(scope='module')
def paired(scored):
    """Figures of a model and of a serving model that chooses otherwise on the same rows."""
    serving = random_scored(np.random.default_rng(2), 600)
    for name in ('click', 'weight', 'candidate_count', 'shown', 'shown_propensity'):
        serving[name] = scored[name]
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
    counted = scored['candidate_count'][:, 0] >= 2
    assert title['sctr']['value'] == pytest.approx(scored['click'][counted].mean())
    assert title['lift_over_uniform'] is None
    assert title['effective_sample_size'] == pytest.approx(counted.sum())


def test_attention_is_the_mean_over_the_rows_that_have_the_component(scored, paired):
    for j, name in enumerate(('title', 'image', 'badge')):
        present = scored['shown'][:, j] >= 0
        assert paired['attention'][name] == pytest.approx(
            scored['attention_weight'][present, j].mean(), rel=1e-5
        )
