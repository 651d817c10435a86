"""The blessing rules and the sentences that explain them."""

import pytest

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators import Estimate
from components.sctr_evaluator.verdict import decide

GOOD = Estimate(0.081, 0.069, 0.093)
BAD = Estimate(0.02, -0.004, 0.044)
UNKNOWN = Estimate(0.0, problem='no click where the policy chose what was shown')


def _sentences(verdict):
    return [reason.sentence for reason in verdict.reasons]


def test_the_first_model_needs_only_to_beat_uniform():
    verdict = decide(EvaluationConfig(), {'overall': GOOD}, None)
    assert verdict.blessed
    assert _sentences(verdict) == [
        'overall lift over uniform +8.1 % (95 % interval +6.9 to +9.3): lower bound above 0 %: passed',
        'no model is serving yet: nothing to compare with',
    ]


def test_the_lower_bound_decides_not_the_value():
    verdict = decide(EvaluationConfig(), {'overall': BAD}, None)
    assert not verdict.blessed
    assert _sentences(verdict)[0] == (
        'overall lift over uniform +2.0 % (95 % interval -0.4 to +4.4): lower bound not above 0 %: failed'
    )


@pytest.mark.parametrize(('margin', 'blessed'), [(-0.01, True), (-0.004, False), (0.0, False)])
def test_the_serving_model_must_be_beaten_by_the_margin(margin, blessed):
    verdict = decide(EvaluationConfig(min_lift_over_serving=margin), {'overall': GOOD}, BAD)
    assert verdict.blessed == blessed
    assert 'over the serving model +2.0 %' in _sentences(verdict)[1]


@pytest.mark.parametrize(('title', 'blessed'), [(GOOD, True), (BAD, False)])
def test_named_components_must_pass_too(title, blessed):
    config = EvaluationConfig(must_pass=('title',))
    verdict = decide(config, {'overall': GOOD, 'title': title, 'image': BAD}, None)
    assert verdict.blessed == blessed
    assert _sentences(verdict)[1].startswith('title lift over uniform')


def test_a_lift_that_is_not_known_fails_with_its_reason():
    verdict = decide(EvaluationConfig(must_pass=('label',)), {'overall': UNKNOWN}, UNKNOWN)
    assert not verdict.blessed and not any(reason.passed for reason in verdict.reasons)
    assert 'no interval, as no click where the policy chose what was shown: failed' in _sentences(verdict)[0]
    assert 'no such component' in _sentences(verdict)[1]


def test_the_margin_over_uniform_is_the_configured_one():
    assert decide(EvaluationConfig(min_lift_over_uniform=0.06), {'overall': GOOD}, None).blessed
    verdict = decide(EvaluationConfig(min_lift_over_uniform=0.07), {'overall': GOOD}, None)
    assert not verdict.blessed and 'not above 7 %' in _sentences(verdict)[0]
