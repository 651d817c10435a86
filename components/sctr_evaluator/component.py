"""SctrEvaluator: evaluates a model on uniform-policy traffic and blesses it if it is good enough."""

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.catalogue_gen.artifacts import ElementCatalogue
from components.sctr_evaluator.artifacts import SctrEvaluation
from components.sctr_evaluator.executor import Executor


class SctrEvaluatorSpec(component_spec.ComponentSpec):
    """The inputs, outputs and parameters, which `Executor.Do` describes."""

    PARAMETERS = {
        'evaluation_config': component_spec.ExecutionParameter(type=str),
        'log_schema': component_spec.ExecutionParameter(type=str),
        'holdout_days': component_spec.ExecutionParameter(type=int),
    }
    INPUTS = {
        'examples': component_spec.ChannelParameter(type=standard_artifacts.Examples),
        'model': component_spec.ChannelParameter(type=standard_artifacts.Model),
        'baseline_model': component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
        'catalogue': component_spec.ChannelParameter(type=ElementCatalogue, optional=True),
    }
    OUTPUTS = {
        'evaluation': component_spec.ChannelParameter(type=SctrEvaluation),
        'blessing': component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class SctrEvaluator(base_beam_component.BaseBeamComponent):
    """Measures calibrated sCTR (GenCO, Algorithm 1) with intervals and lifts, and blesses the model."""

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
        catalogue: types.BaseChannel | None = None,
    ):
        """Creates the component.

        Args:
            examples: The channel of one or more `Examples`, raw rows with a split `test`.
            model: The channel of the `Model` to evaluate.
            evaluation: The JSON of an `EvaluationConfig`.
            log_schema: The JSON of the `LogSchema` of the examples.
            holdout_days: The number of newest spans that are evaluated; 0 evaluates all spans.
            baseline_model: The channel of the `Model` that serves now; it may resolve to nothing.
            catalogue: The channel of the `ElementCatalogue` that the report describes, if there is one.
        """
        super().__init__(
            spec=SctrEvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                catalogue=catalogue,
                evaluation_config=evaluation,
                log_schema=log_schema,
                holdout_days=holdout_days,
                evaluation=types.Channel(type=SctrEvaluation),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
