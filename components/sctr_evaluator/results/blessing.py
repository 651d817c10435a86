"""Whether a model may serve, and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators.ratio_estimates import Estimate
from components.sctr_evaluator.policies import OVERALL


@dataclass(frozen=True)
class Reason:
    """The result of one rule.

    Attributes:
        passed: Whether the rule is met.
        sentence: The rule and its result in words.
    """

    passed: bool
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """Whether a model may serve.

    Attributes:
        blessed: Whether all rules are met or the blessing is forced.
        passed: Whether all rules are met.
        forced: The reason given for a forced blessing; None if it is not forced.
        reasons: The results of all rules.
    """

    blessed: bool
    passed: bool
    forced: str | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class BlessingInputs:
    """The figures that the rules check.

    Attributes:
        over_uniform: The lifts of the blessing policy over the uniform policy, by component and 'overall'.
        over_serving: The same lifts over the serving model; None if no model is serving yet, in which case
            the rules about it do not apply.
        calibration_error: The expected calibration error of f_comb; None if it is not known.
        effective_sample_size: The overall effective sample size of the blessing policy.
        unscored: The number of rows for which the model gives no finite number.
        suspicious: The components whose elements were shown more or less often than the logged propensities
            say.
    """

    over_uniform: Mapping[str, Estimate]
    over_serving: Mapping[str, Estimate] | None
    calibration_error: float | None
    effective_sample_size: float
    unscored: int
    suspicious: tuple[str, ...] = ()


def decide(config: EvaluationConfig, evidence: BlessingInputs) -> Verdict:
    """Applies the rules of the configuration to the figures of the evaluation."""
    reasons = (
        *_lifts('uniform', evidence.over_uniform, config.min_lift_over_uniform, config),
        *_over_serving(config, evidence.over_serving),
        *_calibrated(config, evidence.calibration_error),
        *_enough(config, evidence.effective_sample_size),
        *_scored(evidence.unscored),
        *_honest(evidence.suspicious),
    )
    passed = all(reason.passed for reason in reasons)
    forced = config.force_blessing or None
    return Verdict(passed or forced is not None, passed, forced, reasons)


_NO_ROWS = Estimate(problem='the model has no such component')


def _over_serving(config: EvaluationConfig, lifts: Mapping[str, Estimate] | None) -> list[Reason]:
    if lifts is None:
        return [Reason(True, 'no model is serving yet: nothing to compare with')]
    return _lifts('the serving model', lifts, config.min_lift_over_serving, config)


def _lifts(
    reference: str, lifts: Mapping[str, Estimate], bound: float, config: EvaluationConfig
) -> list[Reason]:
    return [
        _rule(f'{level} lift over {reference}', lifts.get(level, _NO_ROWS), bound, config)
        for level in (OVERALL, *config.must_pass)
    ]


def _rule(subject: str, lift: Estimate, bound: float, config: EvaluationConfig) -> Reason:
    if lift.value is None or lift.low is None or lift.high is None:
        return Reason(False, f'{subject}: no interval, as {lift.problem}: failed')
    passed = lift.low > bound
    return Reason(
        passed,
        f'{subject} {percent(lift.value)} % ({config.confidence * 100:g} % interval {percent(lift.low)} to '
        f'{percent(lift.high)}): lower bound {"" if passed else "not "}above {bound * 100:g} %: '
        f'{_word(passed)}',
    )


def _calibrated(config: EvaluationConfig, error: float | None) -> list[Reason]:
    most = config.max_calibration_error
    if most is None:
        return []
    if error is None:
        return [Reason(False, 'expected calibration error: not known: failed')]
    passed = error <= most
    return [
        Reason(
            passed,
            f'expected calibration error {error:.4g}: {"not " if passed else ""}above {most:g}: '
            f'{_word(passed)}',
        )
    ]


def _enough(config: EvaluationConfig, size: float) -> list[Reason]:
    least = config.min_effective_sample_size
    if not least:
        return []
    passed = size >= least
    return [
        Reason(
            passed,
            f'overall effective sample size {size:,.0f}: {"not " if passed else ""}below {least:,.0f}: '
            f'{_word(passed)}',
        )
    ]


def _scored(unscored: int) -> list[Reason]:
    if not unscored:
        return []
    return [Reason(False, f'the model gives no finite number for {unscored:,} rows: failed')]


def _honest(suspicious: tuple[str, ...]) -> list[Reason]:
    if not suspicious:
        return []
    names = ', '.join(suspicious)
    return [Reason(False, f'the log is not what it claims to be ({names}), so no figure is valid: failed')]


def _word(passed: bool) -> str:
    return 'passed' if passed else 'failed'


def percent(fraction: float) -> str:
    """Formats a lift in percent, with its sign and without the unit."""
    return f'{fraction * 100:+.1f}'
