"""SctrEvaluator: measures a model on uniform-policy traffic and blesses it if it is better."""

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.sctr_evaluator.artifacts import SctrEvaluation
from components.sctr_evaluator.executor import Executor


class SctrEvaluatorSpec(component_spec.ComponentSpec):
    """Inputs, outputs and parameters; `Executor.Do` says what they are."""

    PARAMETERS = {
        'evaluation_config': component_spec.ExecutionParameter(type=str),
        'log_schema': component_spec.ExecutionParameter(type=str),
        'holdout_days': component_spec.ExecutionParameter(type=int),
    }
    INPUTS = {
        'examples': component_spec.ChannelParameter(type=standard_artifacts.Examples),
        'model': component_spec.ChannelParameter(type=standard_artifacts.Model),
        'baseline_model': component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {
        'evaluation': component_spec.ChannelParameter(type=SctrEvaluation),
        'blessing': component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class SctrEvaluator(base_beam_component.BaseBeamComponent):
    """Calibrated sCTR (GenCO, Algorithm 1) with intervals, lifts, and a blessing."""

    SPEC_CLASS = SctrEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        evaluation: str,
        log_schema: str,
        holdout_days: int = 0,
        baseline_model: types.BaseChannel | None = None,
    ):
        """Describes the component.

        Args:
            examples: `Examples`, raw rows with a split `test`; one or more artifacts.
            model: `Model`, the candidate.
            evaluation: JSON of an `EvaluationConfig`.
            log_schema: JSON of the `LogSchema` of the examples.
            holdout_days: only the newest so many spans are read; 0 reads all.
            baseline_model: `Model`, the one that serves now; may resolve to nothing.
        """
        super().__init__(
            spec=SctrEvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                evaluation_config=evaluation,
                log_schema=log_schema,
                holdout_days=holdout_days,
                evaluation=types.Channel(type=SctrEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
