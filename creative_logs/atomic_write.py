"""Writes a folder of logs under a temporary name and renames it, so that no half of it is ever read."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from creative_logs.errors import InputError


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Gives an empty folder beside `path` to write into, which becomes `path` when the block ends well.

    Raises:
        InputError: `path` is there already and not an empty folder, or the system does not let it be written.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f'{path}: is not empty; remove it or choose another output folder')
    partial = path.with_name(f'.{path.name}.partial')
    with writing(path):
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
        try:
            yield partial
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        if path.exists():
            path.rmdir()
        partial.rename(path)


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turns what the system refuses while `path` is written into one line that names it.

    Raises:
        InputError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        # Arrow's message is long, but its number is the system's.
        reason = os.strerror(error.errno) if error.errno else str(error)
        message = f'{path}: cannot be written: {reason}; mend that or choose another place'
        raise InputError(message) from error
