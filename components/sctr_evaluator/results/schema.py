"""The types of the content of `evaluation.json`, whose JSON schema is docs/evaluation.schema.json.

`python -m components.sctr_evaluator.results.schema` writes the JSON schema.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from components.sctr_evaluator.config import EvaluationConfig

SCHEMA_FILE = 'docs/evaluation.schema.json'


class _Part(BaseModel):
    model_config = ConfigDict(extra='forbid', frozen=True)


class Interval(_Part):
    """An interval; if it is not known, its bounds and its error are None and `problem` says why."""

    low: float | None
    high: float | None
    problem: str | None
    error: float | None


class IntervalEstimate(Interval):
    """A figure with its delta-method interval and its bootstrap interval, None if there is no bootstrap."""

    value: float | None
    bootstrap: Interval | None


class Rates(_Part):
    """The rate and the lifts of a policy; a lift is None if there is nothing to compare with."""

    rate: IntervalEstimate
    lift_over_uniform: IntervalEstimate | None
    lift_over_serving: IntervalEstimate | None


class LevelResult(_Part):
    """The figures of a policy at one level: a component, or 'overall', which pools all components.

    `rows_needed` is the number of impressions from which a lift of `config.lift_to_find` over uniform would
    be found.
    """

    sctr: IntervalEstimate
    lift_over_uniform: IntervalEstimate | None
    lift_over_serving: IntervalEstimate | None
    estimators: dict[str, Rates]
    rows: int
    clusters: int
    match_rate: float | None
    effective_sample_size: float
    rows_needed: float | None


class SliceLevel(_Part):
    """The figures of `config.blessing_policy` in one slice at one level, without a bootstrap."""

    uniform: IntervalEstimate
    sctr: IntervalEstimate
    lift_over_uniform: IntervalEstimate | None
    lift_over_serving: IntervalEstimate | None
    rows: int
    clusters: int
    effective_sample_size: float


class Slice(_Part):
    """One slice: `value` holds one text for each feature of the slicing."""

    value: list[str]
    rows: int
    levels: dict[str, SliceLevel]
    attention: dict[str, float | None]


class Rest(_Part):
    """The number of values of a slicing that were not kept, and the number of their rows."""

    values: int
    rows: int


class Slicing(_Part):
    """The slices by one or two features; `by` names 'candidates', 'day' or context features."""

    by: list[str]
    values: list[Slice]
    rest: Rest


class ReasonResult(_Part):
    """The result of one rule of the blessing."""

    passed: bool
    sentence: str


class VerdictResult(_Part):
    """Whether the model may serve; `forced` is the reason given for a forced blessing."""

    blessed: bool
    passed: bool
    forced: str | None
    reasons: list[ReasonResult]


class CalibrationGroup(_Part):
    """Impressions of similar predicted CTR, and their share of all impressions."""

    share: float
    predicted_ctr: float
    observed_ctr: float


class CalibrationResult(_Part):
    """The calibration of f_comb; if no row has a weight, only `problem` is present."""

    log_loss: float | None = None
    auc: float | None = None
    predicted_ctr: float | None = None
    observed_ctr: float | None = None
    predicted_over_observed: float | None = None
    expected_calibration_error: float | None = None
    groups: list[CalibrationGroup] | None = None
    problem: str | None


class ChoicesResult(_Part):
    """The figures of a table of choices on the rows for which it has a choice.

    The levels are the components of the file and 'overall'.
    """

    file: str
    matched_rows: int
    unmatched_rows: int
    unused: int
    uniform: dict[str, LevelResult]
    levels: dict[str, LevelResult]
    combinations: dict[str, Rates]


class UniformityCheck(_Part):
    """The propensity check of one component: were its elements shown as often as their propensities say?"""

    p_value: float | None
    deviation: float | None
    ads: int


class UniformityResult(_Part):
    """Whether the log is what it claims to be."""

    suspicious: list[str]
    sentence: str
    components: dict[str, UniformityCheck]


class FeatureSkew(_Part):
    """The Jensen-Shannon distance between a feature's train and test values.

    `by_chance` is the distance to expect by chance if rows were independent.
    """

    feature: str
    distance: float
    by_chance: float
    train_rows: int
    test_rows: int


class Evaluation(_Part):
    """The content of `evaluation.json`; see `results.evaluation.evaluate`.

    Timestamps are in milliseconds since the epoch. `problems` must be read before any figure. `serving` is
    None if no model is serving, `choices` is None if no table of choices is given, and `skew` is None if
    there are no rows of train days to compare with.
    """

    rows: int
    impressions: float
    clicks: float
    ctr: float | None
    first_timestamp: int
    last_timestamp: int
    components: list[str]
    config: EvaluationConfig
    problems: list[str]
    faults: dict[str, int]
    verdict: VerdictResult
    uniform: dict[str, LevelResult]
    policies: dict[str, dict[str, LevelResult]]
    serving: dict[str, dict[str, LevelResult]] | None
    combinations: dict[str, dict[str, Rates]]
    calibration: CalibrationResult
    attention: dict[str, float | None]
    slices: list[Slicing]
    brackets: dict[str, dict[str, str]]
    choices: ChoicesResult | None
    uniformity: UniformityResult
    skew: list[FeatureSkew] | None


def to_json(result: Mapping[str, Any]) -> str:
    """Returns the text of `evaluation.json`.

    Raises:
        pydantic.ValidationError: The content is not an `Evaluation`.
    """
    Evaluation.model_validate(result)
    return json.dumps(result, indent=2, allow_nan=False)


def from_json(text: str) -> dict[str, Any]:
    """Returns the validated content of `evaluation.json`.

    Raises:
        pydantic.ValidationError: The content is not an `Evaluation`.
    """
    result = json.loads(text)
    Evaluation.model_validate(result)
    return result


def json_schema() -> str:
    """Returns the JSON schema of `evaluation.json`."""
    return json.dumps(Evaluation.model_json_schema(), indent=2) + '\n'


if __name__ == '__main__':
    Path(SCHEMA_FILE).write_text(json_schema(), encoding='utf-8')
