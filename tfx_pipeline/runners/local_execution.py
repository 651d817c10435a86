"""The part of the local runner that imports TFX, which takes many seconds."""

from collections.abc import Sequence
from pathlib import Path

import ml_metadata as mlmd
from absl import logging
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

from tfx_pipeline.config import Config
from tfx_pipeline.console.progress import StepProgress
from tfx_pipeline.pipeline import Runtime, create_ingestion, create_pipeline
from tfx_pipeline.run_records.metadata_store import StepRecord, newest_run
from tfx_pipeline.run_records.past_evaluations import write_report

METADATA = 'metadata.sqlite'
BEAM_ARGS = (
    # Beam's default runner would first try to download another runner. This one runs in memory: more
    # processes do not pay off on few cores.
    '--runner=FnApiRunner',
    # Without an image, TFX would build a package of itself in every step, for remote workers.
    '--sdk_container_image=none',
    '--beam_plugins=tfx_pipeline.runners.beam_plugin',
)


def execute(config: Config, days: Sequence[str], root: Path, progress: StepProgress) -> dict[str, StepRecord]:
    """Ingests the older days, then runs the whole pipeline for the newest day. Unchanged steps are skipped.

    Args:
        config: The configuration of the run.
        days: The days of the window (YYYY-MM-DD), oldest first.
        root: The folder of artifacts and metadata.
        progress: The display that is updated at every step.

    Returns:
        The steps of the run for the newest day, by node id.
    """
    logging.set_verbosity(logging.INFO)
    connection = metadata.sqlite_metadata_connection_config(str(root / METADATA))
    runtime = Runtime(root=str(root), beam_args=BEAM_ARGS, metadata=connection)
    older = days[:-1]
    if older:
        progress.start('Older days of logs')
        for done, day in enumerate(older):
            progress.report(done, len(older))
            LocalDagRunner().run(create_ingestion(config, day, runtime))
        progress.finish()
    with progress.follow_runner():
        LocalDagRunner().run(create_pipeline(config, days, runtime))
    store = mlmd.MetadataStore(connection)
    records = newest_run(store)
    write_report(store, config.name, records)
    return records
