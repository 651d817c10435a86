"""ModelRefresher: a model that lists the elements of another catalogue."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.catalogue_gen.artifacts import ElementCatalogue
from components.model_refresher.executor import Executor


class ModelRefresherSpec(component_spec.ComponentSpec):
    """The inputs, the output and the parameter, which `Executor.Do` describes."""

    PARAMETERS = {'log_schema': component_spec.ExecutionParameter(type=str)}
    INPUTS = {
        'model': component_spec.ChannelParameter(type=standard_artifacts.Model),
        'catalogue': component_spec.ChannelParameter(type=ElementCatalogue),
    }
    OUTPUTS = {'refreshed_model': component_spec.ChannelParameter(type=standard_artifacts.Model)}


class ModelRefresher(base_component.BaseComponent):
    """Judges the elements of a catalogue by what a model has learned, and writes them into a copy of it."""

    SPEC_CLASS = ModelRefresherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, model: types.BaseChannel, catalogue: types.BaseChannel, log_schema: str):
        """Creates the component.

        Args:
            model: The channel of the `Model` to copy.
            catalogue: The channel of the `ElementCatalogue`.
            log_schema: The JSON of the `LogSchema` with which the catalogue was checked.
        """
        super().__init__(
            spec=ModelRefresherSpec(
                model=model,
                catalogue=catalogue,
                log_schema=log_schema,
                refreshed_model=types.Channel(type=standard_artifacts.Model),
            )
        )
