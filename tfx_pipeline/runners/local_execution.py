"""The part of the local runner that imports TFX, which takes many seconds."""

from collections.abc import Sequence
from pathlib import Path

from absl import logging
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

from tfx_pipeline.config import Config
from tfx_pipeline.console.progress import StepProgress
from tfx_pipeline.pipeline import Runtime, create_ingestion, create_pipeline, create_refresh
from tfx_pipeline.run_records.metadata_store import StepRecord, newest_run, open_store, sqlite
from tfx_pipeline.run_records.past_evaluations import EVALUATOR, write_report

BEAM_ARGS = (
    # Beam's default runner would first try to download another runner. This one runs in memory: more
    # processes do not pay off on few cores.
    '--runner=FnApiRunner',
    # Without an image, TFX would build a package of itself in every step, for remote workers.
    '--sdk_container_image=none',
    '--beam_plugins=tfx_pipeline.runners.beam_plugin',
)


def execute(
    config: Config, days: Sequence[str], root: Path, progress: StepProgress, refresh: bool = False
) -> dict[str, StepRecord]:
    """Runs the whole pipeline for the newest day, or refreshes the serving model. Unchanged steps are skipped.

    Args:
        config: The configuration of the run.
        days: The days of the window (YYYY-MM-DD), oldest first.
        root: The folder of artifacts and metadata.
        progress: The display that is updated at every step.
        refresh: Whether the serving model is refreshed, on days that were ingested before; otherwise the older
            days are ingested first.

    Returns:
        The steps of the run for the newest day, by node id. A refresh has neither evaluator nor pusher where
        there is nothing to push.
    """
    logging.set_verbosity(logging.INFO)
    runtime = Runtime(root=str(root), beam_args=BEAM_ARGS, metadata=sqlite(root))
    if refresh:
        pipeline = create_refresh(config, days, runtime)
    else:
        _ingest(config, days[:-1], runtime, progress)
        pipeline = create_pipeline(config, days, runtime)
    with progress.follow_runner():
        LocalDagRunner().run(pipeline)
    store = open_store(root)
    records = newest_run(store)
    if EVALUATOR in records:
        write_report(store, config.name, records)
    return records


def _ingest(config: Config, older: Sequence[str], runtime: Runtime, progress: StepProgress) -> None:
    if older:
        progress.start('Older days of logs')
        for done, day in enumerate(older):
            progress.report(done, len(older))
            LocalDagRunner().run(create_ingestion(config, day, runtime))
        progress.finish()
