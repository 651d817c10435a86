"""GencoTrainer: TFX's Trainer, which may also be given an element catalogue."""

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.catalogue_gen.artifacts import ElementCatalogue
from components.genco_trainer.executor import Executor
from creative_logs.schema import TEST, TRAIN


class GencoTrainerSpec(standard_component_specs.TrainerSpec):
    """The inputs, outputs and parameters of TFX's Trainer, and the input `catalogue`."""

    INPUTS = {
        **standard_component_specs.TrainerSpec.INPUTS,
        'catalogue': component_spec.ChannelParameter(type=ElementCatalogue, optional=True),
    }


class GencoTrainer(base_component.BaseComponent):
    """Calls a run_fn as TFX's Trainer does."""

    SPEC_CLASS = GencoTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        run_fn: str,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        schema: types.BaseChannel,
        custom_config: dict[str, Any],
        catalogue: types.BaseChannel | None = None,
    ):
        """Creates the component.

        Args:
            run_fn: The Python path of the function.
            examples: The channel of one or more transformed `Examples` with the splits `train` and `test`.
            transform_graph: The channel of the `TransformGraph`.
            schema: The channel of the `Schema` of the raw examples.
            custom_config: Values for the run_fn that JSON can represent.
            catalogue: The channel of an `ElementCatalogue`, which the run_fn finds in `custom_config`. None
                if no component has content.
        """
        super().__init__(
            spec=GencoTrainerSpec(
                run_fn=run_fn,
                examples=examples,
                transform_graph=transform_graph,
                schema=schema,
                catalogue=catalogue,
                train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
                eval_args=trainer_pb2.EvalArgs(splits=[TEST]),
                custom_config=json_utils.dumps(custom_config),
                model=types.Channel(type=standard_artifacts.Model),
                model_run=types.Channel(type=standard_artifacts.ModelRun),
            )
        )
