"""Runs the pipeline on this machine, with ML Metadata in an SQLite file in the root folder."""

import fcntl
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from creative_logs.atomic_write import writing
from creative_logs.errors import InputError
from tfx_pipeline.config import Config, save_config
from tfx_pipeline.console import captured_output as quiet
from tfx_pipeline.console.progress import StepProgress
from tfx_pipeline.console.step_errors import StepError, input_error_in, last_line
from tfx_pipeline.run_records.earlier_runs import days_to_refresh
from tfx_pipeline.run_records.metadata_store import StepRecord
from tfx_pipeline.run_records.refresh_summary import RefreshSummary, summarise_refresh
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
    return summarise(config, days, _execute(config, days))


def refresh(config: Config, day: str | None = None) -> RefreshSummary:
    """Folds the catalogue into the serving model without training, then evaluates and pushes the result.

    Nothing is evaluated or pushed if the serving model judges every element of the catalogue alike already. A
    refresh that was killed continues after its last finished step. Output and progress are as for `run`.

    Args:
        config: The configuration of the run; it is saved as `<root>/config.yaml`.
        day: The last day of the window that the model is evaluated on, YYYY-MM-DD. If None, it is the newest
            day that a run has ingested.

    Returns:
        The summary of the refresh.

    Raises:
        InputError: The catalogue or the configuration are faulty, no model was pushed yet, a day of the window
            was not ingested, or another run is using the root folder.
        StepError: A step failed for another reason.
    """
    quiet.prepare()
    days = days_to_refresh(config, day)
    return summarise_refresh(config, days, _execute(config, days, refresh=True))


def _execute(config: Config, days: Sequence[str], refresh: bool = False) -> Mapping[str, StepRecord]:
    root = Path(config.paths.root).absolute()
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        (root / LOG).touch()
    with _only_run(root), quiet.output_to(root / LOG) as terminal:
        with writing(root):
            save_config(config, root / 'config.yaml')
        with StepProgress(terminal) as progress, _errors_explained(progress, root / LOG):
            progress.start('TensorFlow Extended')
            from tfx_pipeline.runners.local_execution import execute

            progress.finish()
            return execute(config, days, root, progress, refresh)


@contextmanager
def _errors_explained(progress: StepProgress, log: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        with log.open('a', encoding='utf-8') as sink:
            traceback.print_exception(error, file=sink)
        raise _explained(error, progress.step, log) from error


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
