"""Configuration of the evaluation and of the blessing rule."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from creative_logs.base_config import Frozen

Policy = Literal['two_stage', 'greedy', 'sampled', 'sampled_expectation', 'combination']

CANDIDATES, DAY = 'candidates', 'day'


def _as_tuple(names: object) -> object:
    return (names,) if isinstance(names, str) else names


Slicing = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1, max_length=2)]


class EvaluationConfig(Frozen):
    """What is measured on the uniform-policy test split, and when a model is blessed.

    Attributes:
        confidence: The two-sided confidence level of every interval.
        bootstrap_replicates: The number of replicates of the Poisson bootstrap beside the delta method; 0
            leaves the bootstrap out.
        min_candidates: A component counts in a row if it has at least this many candidates; 1 counts every
            row, as Algorithm 1 prints it.
        cluster: The context feature whose equal values are not independent; intervals are clustered by it.
        slices: What else to group by: `candidates` (brackets of a component's number of candidates, the
            paper's Table 4), `day` (UTC), a context feature, or two of these crossed, as in
            [candidates, [category, day]].
        candidate_brackets: The smallest and the largest number of candidates of the middle bracket, per
            component; [3, 5] for a component that is not named.
        max_slice_values: The largest number of values kept per slicing, those with the most rows; the others
            are counted.
        lift_to_find: The true lift for which the evaluation reports how many rows would find it with
            probability 0.8 (a fraction: 0.01 is 1 %).
        skew_rows: The number of rows of the train days and of the test days that are compared; 0 leaves the
            comparison out.
        choices: A Parquet file of another policy's choices, with the columns `request_id` and
            `<component>_choice`.
        blessing_policy: The policy whose lift decides whether the model is blessed.
        min_lift_over_uniform: The lower bound of the overall lift over the uniform policy must be above this
            (a fraction: 0.01 is 1 %).
        min_lift_over_serving: The lower bound of the overall lift over the model that is serving must be above
            this; a value slightly below zero accepts a fresher model that is as good.
        must_pass: Components whose own lower bounds must also be above `min_lift_over_uniform` and
            `min_lift_over_serving`.
        max_calibration_error: The largest expected calibration error of f_comb with which a model is blessed;
            null sets no limit.
        min_effective_sample_size: The smallest overall effective sample size with which a model is blessed.
        force_blessing: Where this is not empty, the model is blessed whatever the rules say, for the reason
            given here.
    """

    confidence: float = Field(0.95, gt=0, lt=1)
    bootstrap_replicates: int = Field(200, ge=0, le=10_000)
    min_candidates: int = Field(2, ge=1)
    cluster: str = 'ad_id'
    slices: tuple[Slicing, ...] = ((CANDIDATES,), (DAY,))
    candidate_brackets: dict[str, tuple[int, int]] = {}
    max_slice_values: int = Field(20, ge=1, le=500)
    lift_to_find: float = Field(0.01, gt=0)
    skew_rows: int = Field(20_000, ge=0)
    choices: str | None = None
    blessing_policy: Policy = 'two_stage'
    min_lift_over_uniform: float = 0.0
    min_lift_over_serving: float = -0.01
    must_pass: tuple[str, ...] = ()
    max_calibration_error: float | None = Field(None, gt=0)
    min_effective_sample_size: float = Field(0.0, ge=0)
    force_blessing: str = ''

    @model_validator(mode='after')
    def _slices_make_sense(self):
        for names in self.slices:
            if len(set(names)) < len(names):
                raise ValueError(f'slices: {list(names)} crosses a feature with itself')
        if len(set(self.slices)) < len(self.slices):
            raise ValueError('slices: one of them is named twice')
        for component, (low, high) in self.candidate_brackets.items():
            if not 1 <= low <= high:
                raise ValueError(
                    f'candidate_brackets.{component}: the middle bracket must go from at least 1 to no less: '
                    f'got {low} to {high}'
                )
        return self

    def sliced_features(self) -> tuple[str, ...]:
        """Context features that rows are sliced by."""
        names = {name for names in self.slices for name in names}
        return tuple(sorted(names - {CANDIDATES, DAY}))
