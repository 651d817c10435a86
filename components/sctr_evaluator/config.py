"""Configuration of the evaluation and of the blessing rule."""

from typing import Literal

from pydantic import Field

from creative_logs.schema import Frozen

Policy = Literal['two_stage', 'greedy', 'sampled', 'sampled_expectation', 'combination']


class EvaluationConfig(Frozen):
    """What is measured on the uniform-policy test split, and when a model is blessed.

    Attributes:
        confidence: of every interval, two-sided.
        min_candidates: a component of an ad counts where at least so many elements were to choose
            from; 1 counts every row, as Algorithm 1 prints it.
        cluster: column whose equal values are not independent; intervals are clustered by it.
        blessing_policy: the policy whose lift decides (see `matching.POLICIES`).
        min_lift_over_uniform: the lower bound of the overall lift over the uniform policy must be
            above this (fraction: 0.01 is 1 %).
        min_lift_over_serving: likewise over the last blessed model; a little below zero accepts a
            fresher model that is as good.
        must_pass: components whose own lower bound over uniform must be above
            `min_lift_over_uniform` as well.
    """

    confidence: float = Field(0.95, gt=0, lt=1)
    min_candidates: int = Field(2, ge=1)
    cluster: str = 'ad_id'
    blessing_policy: Policy = 'two_stage'
    min_lift_over_uniform: float = 0.0
    min_lift_over_serving: float = -0.01
    must_pass: tuple[str, ...] = ()
