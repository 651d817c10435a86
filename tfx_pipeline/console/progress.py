"""Shows the steps of a pipeline with their duration and progress."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

# A step reports its progress with
# logging.getLogger(REPORTS).info('%d of %d', done, total).
REPORTS = 'genco.progress'
_STARTED = 'Component %s is running.'
_FINISHED = 'Component %s is finished.'
_SKIPPED = 'Skipping execution for %s'


class StepProgress(logging.Handler):
    """A live list of steps, or plain lines if the output is not a terminal.

    Args:
        terminal: The stream to write to.

    Attributes:
        step: The current step, or the last one.
    """

    def __init__(self, terminal: TextIO):
        super().__init__()
        self.step = ''
        self._skipped = False
        self._started = 0.0
        self._task = TaskID(0)
        self._console = Console(file=terminal)
        self._progress = Progress(
            SpinnerColumn(finished_text='[green]✓'),
            TextColumn('{task.description}'),
            TimeElapsedColumn(),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> 'StepProgress':
        self._progress.start()
        return self

    def __exit__(self, *_) -> None:
        self._progress.stop()

    def start(self, step: str) -> None:
        """Starts the line of a step."""
        self.step, self._skipped, self._started = step, False, time.monotonic()
        self._task = self._progress.add_task(step, total=None)

    def report(self, done: int, total: int) -> None:
        """Shows the progress of the current step."""
        self._progress.update(self._task, completed=done, total=total)

    def skip(self) -> None:
        """Marks the current step as one that is not needed."""
        self._skipped = True
        self._progress.update(self._task, description=f'{self.step}: not needed')

    def finish(self) -> None:
        """Ends the line of the current step."""
        self._progress.update(self._task, total=1, completed=1)
        if self._progress.disable:
            result = 'not needed' if self._skipped else f'{time.monotonic() - self._started:.1f} s'
            self._console.print(f'{self.step}: {result}')

    @contextmanager
    def follow_runner(self) -> Iterator[None]:
        """Follows the steps in the log of TFX's local runner, and their own progress reports."""
        loggers = [logging.getLogger('absl'), logging.getLogger(REPORTS)]
        loggers[1].setLevel(logging.INFO)
        for logger in loggers:
            logger.addHandler(self)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Handles a log record of the runner or of a step."""
        arguments: tuple[Any, ...] = record.args if isinstance(record.args, tuple) else ()
        if record.name == REPORTS:
            self.report(*arguments)
        elif record.msg == _STARTED:
            self.start(*arguments)
        elif record.msg == _SKIPPED:
            self.skip()
        elif record.msg == _FINISHED:
            self.finish()
