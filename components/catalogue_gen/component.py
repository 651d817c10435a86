"""CatalogueGen: reads the element catalogue as an artifact."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec

from components.catalogue_gen.artifacts import ElementCatalogue
from components.catalogue_gen.executor import Executor
from creative_logs.catalogue.read import catalogue_files
from creative_logs.log_files import split_files
from creative_logs.schema import SPLITS, LogSchema


class CatalogueGenSpec(component_spec.ComponentSpec):
    """The output and the parameters, which `Executor.Do` describes."""

    PARAMETERS = {
        'catalogue_path': component_spec.ExecutionParameter(type=str),
        'logs': component_spec.ExecutionParameter(type=str),
        'days': component_spec.ExecutionParameter(type=str),
        'log_schema': component_spec.ExecutionParameter(type=str),
        'max_bad_share': component_spec.ExecutionParameter(type=float),
        'fingerprint': component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict = {}
    OUTPUTS = {'catalogue': component_spec.ChannelParameter(type=ElementCatalogue)}


class CatalogueGen(base_component.BaseComponent):
    """Checks the catalogue, and counts the candidates in the logs that it lacks.

    A changed, added or removed file of the catalogue or of the logs of these days changes the fingerprint, so
    the catalogue is read again.
    """

    SPEC_CLASS = CatalogueGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self, catalogue: str, logs: str, days: Sequence[str], log_schema: LogSchema, max_bad_share: float
    ):
        """Specifies the component. The fingerprint is taken now, as Kubeflow runs no driver of ours.

        Args:
            catalogue: The Parquet file of the catalogue, or a folder of such files.
            logs: The folder of the logs.
            days: The days of the window, YYYY-MM-DD.
            log_schema: The schema of the logs.
            max_bad_share: The largest share of elements that may break a rule; with more, the component
                fails.

        Raises:
            InputError: There is no catalogue, or a day lacks a split.
        """
        files = [file for day in days for split in SPLITS for file in split_files(logs, day, split)]
        super().__init__(
            spec=CatalogueGenSpec(
                catalogue_path=catalogue,
                logs=logs,
                days=json.dumps(list(days)),
                log_schema=log_schema.model_dump_json(),
                max_bad_share=max_bad_share,
                fingerprint=fingerprint([*catalogue_files(catalogue), *files]),
                catalogue=types.Channel(type=ElementCatalogue),
            )
        )


def fingerprint(files: Iterable[Path]) -> str:
    """Returns a digest of the names, sizes and times of modification of files.

    TFX's `generate_fingerprint` reads times in whole seconds and no names.
    """
    digest = hashlib.sha256()
    for file in files:
        status = file.stat()
        digest.update(f'{file}\t{status.st_size}\t{status.st_mtime_ns}\n'.encode())
    return digest.hexdigest()
