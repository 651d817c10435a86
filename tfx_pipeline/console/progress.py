"""Shows which step of a pipeline runs, for how long, and how far it has got."""

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

# A step that can tell how far it has got says so with
# logging.getLogger(REPORTS).info('%d of %d', done, total).
REPORTS = 'genco.progress'
_STARTED = 'Component %s is running.'
_FINISHED = 'Component %s is finished.'


class StepProgress(logging.Handler):
    """A live list of steps; plain lines where there is no terminal.

    Attributes:
        step: the step that runs or ran last.
    """

    def __init__(self, terminal: TextIO):
        super().__init__()
        self.step = ''
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
        """Begins the line of a step."""
        self.step, self._started = step, time.monotonic()
        self._task = self._progress.add_task(step, total=None)

    def report(self, done: int, total: int) -> None:
        """Shows how far the step has got."""
        self._progress.update(self._task, completed=done, total=total)

    def finish(self) -> None:
        """Ends the line of the step."""
        self._progress.update(self._task, total=1, completed=1)
        if self._progress.disable:
            self._console.print(f'{self.step}: {time.monotonic() - self._started:.1f} s')

    @contextmanager
    def follow_runner(self) -> Iterator[None]:
        """Takes steps from what TFX's local runner logs, and how far they have got from themselves."""
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
        """Handles what was logged by the runner or by a step."""
        arguments: tuple[Any, ...] = record.args if isinstance(record.args, tuple) else ()
        if record.name == REPORTS:
            self.report(*arguments)
        elif record.msg == _STARTED:
            self.start(*arguments)
        elif record.msg == _FINISHED:
            self.finish()
