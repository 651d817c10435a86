"""Runs the pipeline on this machine, with ML Metadata in an SQLite file in the root folder."""

import fcntl
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from creative_logs.atomic_write import writing
from creative_logs.errors import InputError
from tfx_pipeline.config import Config, save_config
from tfx_pipeline.console import captured_output as quiet
from tfx_pipeline.console.progress import StepProgress
from tfx_pipeline.console.step_errors import StepError, input_error_in, last_line
from tfx_pipeline.run_records.run_summary import RunSummary, shown_path, summarise
from tfx_pipeline.window import window_of

LOG = 'run.log'


def run(config: Config, day: str | None = None) -> RunSummary:
    """Ingests the new days of the window, then trains, evaluates and pushes a model for the newest day.

    Steps whose inputs have not changed reuse their earlier results, so a run that was killed and is started
    again continues after its last finished step. All output of libraries goes to `<root>/run.log`; progress
    is shown on the terminal.

    Args:
        config: The configuration of the run; it is saved as `<root>/config.yaml`.
        day: The last day of the window, YYYY-MM-DD. If None, it is the newest day of the logs.

    Returns:
        The summary of the run.

    Raises:
        InputError: The logs or the configuration are faulty, or another run is using the root folder.
        StepError: A step failed for another reason.
    """
    quiet.prepare()
    days = window_of(config, day)
    root = Path(config.paths.root).absolute()
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        (root / LOG).touch()
    with _only_run(root), quiet.output_to(root / LOG) as terminal:
        with writing(root):
            save_config(config, root / 'config.yaml')
        return _run(config, days, root, terminal)


def _run(config: Config, days: Sequence[str], root: Path, terminal: TextIO) -> RunSummary:
    with StepProgress(terminal) as progress:
        try:
            progress.start('TensorFlow Extended')
            from tfx_pipeline.runners.local_execution import execute

            progress.finish()
            records = execute(config, days, root, progress)
        except Exception as error:
            with (root / LOG).open('a', encoding='utf-8') as log:
                traceback.print_exception(error, file=log)
            raise _explained(error, progress.step, root / LOG) from error
    return summarise(config, days, records)


def _explained(error: Exception, step: str, log: Path) -> Exception:
    message = input_error_in(error)
    if message is not None:
        return InputError(f'{step}: {message}')
    return StepError(f'{step} failed: {last_line(error)} (all of it: {shown_path(log)})')


@contextmanager
def _only_run(root: Path) -> Iterator[None]:
    with (root / '.lock').open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f'{shown_path(root)}: another run is using this folder; wait for it or set paths.root'
            raise InputError(message) from error
        yield
