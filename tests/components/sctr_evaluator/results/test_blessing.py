"""The blessing rules and the sentences that explain them."""

from dataclasses import replace

import pytest

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators.ratio_estimates import Estimate
from components.sctr_evaluator.results.blessing import BlessingInputs, decide

GOOD = Estimate(0.081, 0.069, 0.093)
BAD = Estimate(0.02, -0.004, 0.044)
UNKNOWN = Estimate(0.0, problem='no click where the policy chose what was shown')
FIRST = BlessingInputs({'overall': GOOD}, None, 0.02, 5000.0, 0)


def _sentences(verdict):
    return [reason.sentence for reason in verdict.reasons]


def _lifts(over_uniform, over_serving=None):
    return replace(FIRST, over_uniform=over_uniform, over_serving=over_serving)


def test_the_first_model_needs_only_to_beat_uniform():
    verdict = decide(EvaluationConfig(), FIRST)
    assert verdict.blessed and verdict.passed and verdict.forced is None
    assert _sentences(verdict) == [
        'overall lift over uniform +8.1 % (95 % interval +6.9 to +9.3): lower bound above 0 %: passed',
        'no model is serving yet: nothing to compare with',
    ]


def test_the_lower_bound_decides_not_the_value():
    verdict = decide(EvaluationConfig(), _lifts({'overall': BAD}))
    assert not verdict.blessed
    assert _sentences(verdict)[0] == (
        'overall lift over uniform +2.0 % (95 % interval -0.4 to +4.4): lower bound not above 0 %: failed'
    )


@pytest.mark.parametrize(('margin', 'blessed'), [(-0.01, True), (-0.004, False), (0.0, False)])
def test_the_serving_model_must_be_beaten_by_the_margin(margin, blessed):
    evidence = _lifts({'overall': GOOD}, {'overall': BAD})
    verdict = decide(EvaluationConfig(min_lift_over_serving=margin), evidence)
    assert verdict.blessed == blessed
    assert 'over the serving model +2.0 %' in _sentences(verdict)[1]


@pytest.mark.parametrize(('title', 'blessed'), [(GOOD, True), (BAD, False)])
def test_named_components_must_beat_uniform_too(title, blessed):
    config = EvaluationConfig(must_pass=('title',))
    verdict = decide(config, _lifts({'overall': GOOD, 'title': title, 'image': BAD}))
    assert verdict.blessed == blessed
    assert _sentences(verdict)[1].startswith('title lift over uniform')


@pytest.mark.parametrize(('title', 'blessed'), [(GOOD, True), (BAD, False)])
def test_named_components_must_beat_the_serving_model_too(title, blessed):
    good = {'overall': GOOD, 'title': GOOD}
    config = EvaluationConfig(must_pass=('title',), min_lift_over_serving=0.0)
    verdict = decide(config, _lifts(good, good | {'title': title}))
    assert verdict.blessed == blessed
    assert _sentences(verdict)[3].startswith('title lift over the serving model')


def test_a_lift_that_is_not_known_fails_with_its_reason():
    config = EvaluationConfig(must_pass=('label',))
    verdict = decide(config, _lifts({'overall': UNKNOWN}, {'overall': UNKNOWN}))
    assert not verdict.blessed and not any(reason.passed for reason in verdict.reasons)
    assert 'no interval, as no click where the policy chose what was shown: failed' in _sentences(verdict)[0]
    assert 'no such component' in _sentences(verdict)[1]


def test_the_margin_over_uniform_is_the_configured_one():
    assert decide(EvaluationConfig(min_lift_over_uniform=0.06), FIRST).blessed
    verdict = decide(EvaluationConfig(min_lift_over_uniform=0.07), FIRST)
    assert not verdict.blessed and 'not above 7 %' in _sentences(verdict)[0]


@pytest.mark.parametrize(('error', 'blessed'), [(0.02, True), (0.03, True), (0.031, False), (None, False)])
def test_predictions_must_be_calibrated_where_it_is_asked_for(error, blessed):
    evidence = replace(FIRST, calibration_error=error)
    assert decide(EvaluationConfig(), evidence).blessed
    verdict = decide(EvaluationConfig(max_calibration_error=0.03), evidence)
    assert verdict.blessed == blessed
    assert 'expected calibration error' in _sentences(verdict)[-1]


@pytest.mark.parametrize(('least', 'blessed'), [(5000.0, True), (5001.0, False)])
def test_there_must_be_rows_enough(least, blessed):
    verdict = decide(EvaluationConfig(min_effective_sample_size=least), FIRST)
    assert verdict.blessed == blessed
    assert 'overall effective sample size 5,000' in _sentences(verdict)[-1]


def test_a_model_that_gives_no_number_fails():
    verdict = decide(EvaluationConfig(), replace(FIRST, unscored=3))
    assert not verdict.blessed
    assert _sentences(verdict)[-1] == 'the model gives no finite number for 3 rows: failed'


def test_a_forced_blessing_says_so_and_keeps_what_failed():
    verdict = decide(EvaluationConfig(force_blessing='roll-back of v7'), _lifts({'overall': BAD}))
    assert verdict.blessed and not verdict.passed and verdict.forced == 'roll-back of v7'
    assert not verdict.reasons[0].passed


def test_a_log_that_is_not_what_it_claims_blesses_no_model():
    verdict = decide(EvaluationConfig(), replace(FIRST, suspicious=('title', 'image')))
    assert not verdict.blessed
    assert verdict.reasons[-1].sentence.startswith('the log is not what it claims to be (title, image)')
