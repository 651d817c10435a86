"""Adds past evaluations and links to TFX's artifacts, both found in ML Metadata, to the report of a run."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from components.sctr_evaluator.artifacts import SctrEvaluation
from components.sctr_evaluator.report.file_names import JSON_FILE
from components.sctr_evaluator.report.page import Link, report_files
from components.sctr_evaluator.report.sections import Past
from components.sctr_evaluator.report.writing import write_files
from components.sctr_evaluator.results.schema import from_json
from tfx_pipeline.run_records.catalogue_figures import catalogue_of
from tfx_pipeline.run_records.metadata_store import StepRecord

EVALUATOR = 'SctrEvaluator'
_MOST = 30
_LINKS = {
    'statistics of the newest day (load with tfdv.load_statistics)': ('StatisticsGen', 'statistics'),
    'anomalies of the newest day (load with tfdv.load_anomalies_text)': ('LogValidator', 'anomalies'),
    'schema of the logs': ('LogSchemaGen', 'schema'),
}


def write_report(store: mlmd.MetadataStore, pipeline: str, records: Mapping[str, StepRecord]) -> None:
    """Replaces the report that the evaluator wrote by one that includes past evaluations.

    Args:
        store: The ML Metadata store.
        pipeline: The name of the pipeline.
        records: The steps of the run, by node id; links to the artifacts of other steps are left out.
    """
    evaluation = records[EVALUATOR].output('evaluation')
    folder = Path(evaluation.uri)
    history = [past for number, past in _evaluations(store, pipeline) if number <= evaluation.id]
    links = [
        Link(text, os.path.relpath(records[step].output(key).uri, folder))
        for text, (step, key) in _LINKS.items()
        if step in records
    ]
    result = from_json((folder / JSON_FILE).read_text(encoding='utf-8'))
    write_files(folder, report_files(result, history[-_MOST:], links, catalogue_of(records)))


def _evaluations(store: mlmd.MetadataStore, pipeline: str) -> Iterator[tuple[int, Past]]:
    """Yields the evaluations of the pipeline that still exist on disk, with artifact ids, oldest first."""
    context = store.get_context_by_type_and_name('pipeline', pipeline)
    artifacts = store.get_artifacts_by_context(context.id)
    for artifact in sorted(artifacts, key=lambda artifact: artifact.id):
        path = Path(artifact.uri, JSON_FILE)
        if artifact.type == SctrEvaluation.TYPE_NAME and path.exists():
            result = json.loads(path.read_text(encoding='utf-8'))
            yield artifact.id, Past(_model_of(store, artifact), result)


def _model_of(store: mlmd.MetadataStore, evaluation: metadata_store_pb2.Artifact) -> str:
    """Returns the name of the folder in which the evaluated model was written, a number."""
    produced = store.get_events_by_artifact_ids([evaluation.id])
    events = store.get_events_by_execution_ids([produced[0].execution_id])
    # An artifact that is also what a conditional step depends on has two keys in one event.
    (model,) = {e.artifact_id for e in events if any(step.key == 'model' for step in e.path.steps)}
    return Path(store.get_artifacts_by_id([model])[0].uri).name
