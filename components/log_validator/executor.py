"""The executor of LogValidator."""

import os
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.components.example_validator import executor as example_validator
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs

from creative_logs.errors import InputError


class Executor(example_validator.Executor):
    """Validates like ExampleValidator, then raises an error if any split has an anomaly."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ):
        """Writes the anomalies of each split.

        Args:
            input_dict:
                - statistics: The statistics of one span.
                - schema: The schema that they must match.
            output_dict:
                - anomalies: An `ExampleAnomalies` artifact with one file per split.
            exec_properties: The properties of ExampleValidator.

        Raises:
            InputError: There are anomalies; the message lists the split, feature and rule of each.
        """
        output = super().Do(input_dict, output_dict, exec_properties)
        artifact = artifact_utils.get_single_instance(output_dict[standard_component_specs.ANOMALIES_KEY])
        found = [
            f'{split}: {line}'
            for split in artifact_utils.decode_split_names(artifact.split_names)
            for line in describe(_read(artifact_utils.get_split_uri([artifact], split)))
        ]
        if found:
            raise InputError(f'the logs of this day do not match their schema: {"; ".join(found)}')
        return output


def describe(anomalies: anomalies_pb2.Anomalies) -> list[str]:
    """Describes each anomaly in one line with its feature, ordered by feature."""
    lines = [f'{name}: {info.description}' for name, info in sorted(anomalies.anomaly_info.items())]
    if anomalies.HasField('dataset_anomaly_info'):
        lines.append(anomalies.dataset_anomaly_info.description)
    return lines


def _read(uri: str) -> anomalies_pb2.Anomalies:
    with fileio.open(os.path.join(uri, example_validator.DEFAULT_FILE_NAME), 'rb') as file:
        return anomalies_pb2.Anomalies.FromString(file.read())
