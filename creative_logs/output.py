"""Writes a folder of logs under a temporary name and renames it, so that no half of it is ever read."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from creative_logs.errors import InputError


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Gives an empty folder beside `path` to write into, which becomes `path` when the block ends well.

    Raises:
        InputError: `path` is there already and not an empty folder, or its parent cannot be written to.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f'{path}: is not empty; remove it or choose another output folder')
    partial = path.with_name(f'.{path.name}.partial')
    try:
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
    except OSError as error:
        raise InputError(f'{path}: cannot be written: {error.strerror}') from error
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if path.exists():
        path.rmdir()
    partial.rename(path)
