"""Reads the records of the newest pipeline run from ML Metadata."""

from dataclasses import dataclass
from pathlib import Path

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

METADATA = 'metadata.sqlite'
_OUTPUT_EVENTS = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.DECLARED_OUTPUT)


@dataclass(frozen=True)
class StepRecord:
    """One step of a run.

    Attributes:
        name: The node id.
        cached: Whether the result of an earlier run was reused.
        seconds: The duration of the step in seconds.
        outputs: The artifacts of each output, by output key.
    """

    name: str
    cached: bool
    seconds: float
    outputs: dict[str, list[metadata_store_pb2.Artifact]]

    def output(self, key: str) -> metadata_store_pb2.Artifact:
        """Returns the only artifact of an output."""
        (artifact,) = self.outputs[key]
        return artifact


def sqlite(root: Path) -> metadata_store_pb2.ConnectionConfig:
    """The connection to the metadata store of the local runner in the root folder."""
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(root / METADATA)
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return connection


def open_store(root: Path) -> mlmd.MetadataStore:
    """The metadata store of the local runner in the root folder, which is created if it is absent."""
    return mlmd.MetadataStore(sqlite(root))


def newest_run(store: mlmd.MetadataStore) -> dict[str, StepRecord]:
    """Returns the steps of the run that was started last, by node id, in the order in which they ran."""
    run = max(store.get_contexts_by_type('pipeline_run'), key=lambda context: context.id)
    executions = sorted(store.get_executions_by_context(run.id), key=lambda execution: execution.id)
    records = [_record(store, execution) for execution in executions]
    return {record.name: record for record in records}


def _record(store: mlmd.MetadataStore, execution: metadata_store_pb2.Execution) -> StepRecord:
    contexts = store.get_contexts_by_execution(execution.id)
    node = next(context for context in contexts if context.type == 'node')
    milliseconds = execution.last_update_time_since_epoch - execution.create_time_since_epoch
    return StepRecord(
        name=node.name.partition('.')[2],
        cached=execution.last_known_state == metadata_store_pb2.Execution.CACHED,
        seconds=milliseconds / 1000,
        outputs=_outputs(store, execution.id),
    )


def _outputs(store: mlmd.MetadataStore, execution_id: int) -> dict[str, list[metadata_store_pb2.Artifact]]:
    outputs: dict[str, list[metadata_store_pb2.Artifact]] = {}
    for event in store.get_events_by_execution_ids([execution_id]):
        if event.type in _OUTPUT_EVENTS:
            outputs.setdefault(event.path.steps[0].key, []).extend(
                store.get_artifacts_by_id([event.artifact_id])
            )
    return outputs
