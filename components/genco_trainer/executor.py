"""The executor of GencoTrainer."""

import os
from tempfile import TemporaryDirectory
from typing import Any

from tfx import types
from tfx.components.trainer import executor as trainer
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY
from tfx.utils import io_utils, json_utils

_CATALOGUE = 'catalogue'


class Executor(trainer.GenericExecutor):
    """Trains as TFX's Trainer does; the run_fn is told where the catalogue is."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Calls the run_fn.

        Args:
            input_dict: The inputs of TFX's Trainer, and
                - catalogue (may be absent): The `ElementCatalogue`.
            output_dict: The outputs of TFX's Trainer.
            exec_properties: The properties of TFX's Trainer. With a catalogue, the run_fn gets a
                `custom_config` that also holds `catalogue` (str), a local folder with the files of the
                artifact; it is a copy if the artifact is in an object store.
        """
        if not input_dict.get(_CATALOGUE):
            super().Do(input_dict, output_dict, exec_properties)
            return
        uri = artifact_utils.get_single_uri(input_dict[_CATALOGUE])
        with TemporaryDirectory() as scratch:
            folder = uri
            if '://' in uri:
                folder = os.path.join(scratch, _CATALOGUE)
                io_utils.copy_dir(uri, folder)
            custom_config = json_utils.loads(exec_properties[CUSTOM_CONFIG_KEY]) | {_CATALOGUE: folder}
            properties = exec_properties | {CUSTOM_CONFIG_KEY: json_utils.dumps(custom_config)}
            super().Do(input_dict, output_dict, properties)
