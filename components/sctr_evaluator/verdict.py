"""Whether a model may serve, and why."""

from dataclasses import dataclass

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators import Estimate
from components.sctr_evaluator.matching import OVERALL


@dataclass(frozen=True)
class Reason:
    """One rule: whether it is met, in a sentence."""

    passed: bool
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """`blessed` where all rules are met."""

    blessed: bool
    reasons: tuple[Reason, ...]


def decide(
    config: EvaluationConfig, over_uniform: dict[str, Estimate], over_serving: Estimate | None
) -> Verdict:
    """Applies the rules of the configuration.

    Args:
        config: the rules.
        over_uniform: lift of the blessing policy over uniform, per component and 'overall'.
        over_serving: overall lift over the serving model; None where no model serves yet, and only the
            rules over uniform hold.
    """
    reasons = [
        _rule(
            f'{level} lift over uniform',
            over_uniform.get(level, _NO_ROWS),
            config.min_lift_over_uniform,
            config,
        )
        for level in (OVERALL, *config.must_pass)
    ]
    if over_serving is None:
        reasons.append(Reason(True, 'no model is serving yet: nothing to compare with'))
    else:
        subject = f'{OVERALL} lift over the serving model'
        reasons.append(_rule(subject, over_serving, config.min_lift_over_serving, config))
    return Verdict(all(reason.passed for reason in reasons), tuple(reasons))


_NO_ROWS = Estimate(problem='the model has no such component')


def _rule(subject: str, lift: Estimate, bound: float, config: EvaluationConfig) -> Reason:
    if lift.low is None:
        return Reason(False, f'{subject}: no interval, as {lift.problem}: failed')
    passed = lift.low > bound
    return Reason(
        passed,
        f'{subject} {percent(lift.value)} % ({config.confidence * 100:g} % interval {percent(lift.low)} to '
        f'{percent(lift.high)}): lower bound {"" if passed else "not "}above {bound * 100:g} %: '
        f'{"passed" if passed else "failed"}',
    )


def percent(fraction: float) -> str:
    """A lift in percent with its sign, without the unit."""
    return f'{fraction * 100:+.1f}'
