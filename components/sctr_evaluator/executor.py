"""The executor of SctrEvaluator."""

import json
import os
from typing import Any

import apache_beam as beam
from tfx import types
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.catalogue_gen.file_names import REPORT_FILE as CATALOGUE_REPORT
from components.sctr_evaluator.beam.evaluate import Evaluate, WriteJson
from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.report.file_names import JSON_FILE, SUMMARY_FILE
from components.sctr_evaluator.report.page import report_files
from components.sctr_evaluator.report.summary import to_markdown
from components.sctr_evaluator.results.schema import from_json
from components.sctr_evaluator.rows.row_sources import read_records
from creative_logs.errors import InputError
from creative_logs.schema import TEST, TRAIN, LogSchema

_SPAN = 'span'
_FORCED = 'forced_blessing'


class Executor(base_beam_executor.BaseBeamExecutor):
    """Scores the test rows with the model and the serving model, and writes the figures and the verdict."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates the model.

        Args:
            input_dict:
                - examples: One or more `Examples`, raw rows in gzipped TFRecord files with the splits `train`
                  and `test`.
                - model: The `Model` to evaluate.
                - baseline_model (may be absent or empty): The `Model` that serves now.
                - catalogue (may be absent): The `ElementCatalogue`, whose figures the report shows.
            output_dict:
                - evaluation: A `SctrEvaluation` with `evaluation.json` (see `results.schema.Evaluation`),
                  `summary.md`, and `report.html` with its charts as PNG.
                - blessing: A `ModelBlessing` with a file BLESSED or NOT_BLESSED and the custom properties
                  `blessed` (int, 1 or 0), `blessing_message` (the reasons), `current_model` and
                  `current_model_id`; with a baseline model also `baseline_model` and `baseline_model_id`; and
                  for a forced blessing `forced_blessing` (the reason given).
            exec_properties:
                - evaluation_config (str): The JSON of an `EvaluationConfig`.
                - log_schema (str): The JSON of the `LogSchema` of the examples.
                - holdout_days (int): The number of newest spans that are evaluated; 0 evaluates all spans.

        Raises:
            InputError: There are no test rows, or a model was not exported by GenCO.
        """
        config = EvaluationConfig.model_validate_json(exec_properties['evaluation_config'])
        schema = LogSchema.model_validate_json(exec_properties['log_schema'])
        model = artifact_utils.get_single_instance(input_dict['model'])
        baseline = next(iter(input_dict.get('baseline_model') or []), None)
        train, test = _by_days(input_dict['examples'], exec_properties['holdout_days'])
        files, train_files = _files(test, TEST), _files(train, TRAIN)
        folder = artifact_utils.get_single_uri(output_dict['evaluation'])
        path = os.path.join(folder, JSON_FILE)
        serving = _serving_path(baseline) if baseline else None
        with self._make_beam_pipeline() as pipeline:
            (
                pipeline
                | 'Files' >> beam.Create(files)
                | 'Evaluate'
                >> Evaluate(
                    read_records, len(files), _serving_path(model), serving, schema, config, train_files
                )
                | 'WriteJson' >> WriteJson(path)
            )
        if not fileio.exists(path):
            raise InputError(f'the {TEST} split has no rows in {len(files)} file(s), such as {files[:1]}')
        with fileio.open(path) as file:
            result = from_json(file.read())
        io_utils.write_string_file(os.path.join(folder, SUMMARY_FILE), to_markdown(result))
        for name, content in report_files(result, catalogue=_catalogue(input_dict)).items():
            with fileio.open(os.path.join(folder, name), 'wb') as file:
                file.write(content)
        _bless(
            artifact_utils.get_single_instance(output_dict['blessing']), result['verdict'], model, baseline
        )


def _by_days(
    examples: list[types.Artifact], held_out: int
) -> tuple[list[types.Artifact], list[types.Artifact]]:
    """Splits artifacts into those of the train days and those of the test days.

    The test days are the newest ones. Where none is held out, all days are both.
    """
    if not held_out:
        return examples, examples
    newest = sorted({_span_of(artifact) for artifact in examples})[-held_out:]
    train = [artifact for artifact in examples if _span_of(artifact) not in newest]
    return train, [artifact for artifact in examples if _span_of(artifact) in newest]


def _span_of(artifact: types.Artifact) -> int:
    if artifact.has_custom_property(_SPAN):
        return artifact.get_int_custom_property(_SPAN)
    return artifact.span


def _files(examples: list[types.Artifact], split: str) -> list[str]:
    """The files of a split in all artifacts; none where the split has no files."""
    return sorted(
        path
        for uri in (artifact_utils.get_split_uris(examples, split) if examples else ())
        for path in fileio.glob(io_utils.all_files_pattern(uri))
    )


def _catalogue(input_dict: dict[str, list[types.Artifact]]) -> dict | None:
    """The figures of the catalogue, None if there is no catalogue."""
    if not input_dict.get('catalogue'):
        return None
    uri = artifact_utils.get_single_uri(input_dict['catalogue'])
    with fileio.open(os.path.join(uri, CATALOGUE_REPORT)) as file:
        return json.loads(file.read())


def _serving_path(model: types.Artifact) -> str:
    return path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))


def _bless(
    blessing: types.Artifact, verdict: dict, model: types.Artifact, baseline: types.Artifact | None
) -> None:
    blessed = verdict['blessed']
    message = '; '.join(reason['sentence'] for reason in verdict['reasons'])
    if verdict['forced'] is not None:
        message = f'forced: {verdict["forced"]}; {message}'
        blessing.set_string_custom_property(_FORCED, verdict['forced'])
    name = constants.BLESSED_FILE_NAME if blessed else constants.NOT_BLESSED_FILE_NAME
    io_utils.write_string_file(os.path.join(blessing.uri, name), message + '\n')
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(blessed))
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BLESSING_MESSAGE_KEY, message)
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, model.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
    if baseline:
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY, baseline.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, baseline.id)
