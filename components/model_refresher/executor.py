"""The executor of ModelRefresher."""

import os
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from creative_logs.catalogue.write import CATALOGUE_FILE
from creative_logs.errors import InputError
from creative_logs.schema import LogSchema
from model.export.refresh import refresh_model
from model.export.saved_model import exported_config


class Executor(base_executor.BaseExecutor):
    """Copies a model with the elements of the catalogue instead of those that it listed."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Refreshes the model.

        Args:
            input_dict:
                - model: The `Model` to copy, in a local folder.
                - catalogue: The `ElementCatalogue`, in a local folder.
            output_dict:
                - refreshed_model: The copy, a `Model` with the layout of Trainer's. Its custom properties count
                  elements (int): `before`, `after`, `new`, `changed` and `gone`, as in
                  `model.export.refresh.Refreshed`, and `differences`, which is 0 where both models judge every
                  element alike.
            exec_properties:
                - log_schema (str): The JSON of the `LogSchema` with which the catalogue was checked.

        Raises:
            InputError: The model was trained with another log schema, or reads no content of elements.
        """
        model = artifact_utils.get_single_instance(input_dict['model'])
        refreshed = artifact_utils.get_single_instance(output_dict['refreshed_model'])
        catalogue = os.path.join(artifact_utils.get_single_uri(input_dict['catalogue']), CATALOGUE_FILE)
        source = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
        schema = LogSchema.model_validate_json(exec_properties['log_schema'])
        if exported_config(source).log_schema != schema:
            raise InputError(
                f'{source}: the model was trained with another log_schema than that of the configuration; train '
                'a new one with genco run'
            )
        done = refresh_model(source, catalogue, path_utils.serving_model_dir(refreshed.uri))
        for name, count in (done._asdict() | {'differences': done.differences}).items():
            refreshed.set_int_custom_property(name, count)
