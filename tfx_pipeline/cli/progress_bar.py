"""The progress bar of long-running verbs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Shows a progress bar on stderr.

    Args:
        label: The text before the bar.
        unit: The unit of the counts.

    Yields:
        A function to call with the number done and the total.
    """
    columns = TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TextColumn(unit)
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
