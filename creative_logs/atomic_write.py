"""Writes a file or a folder under a temporary name and renames it, so that nobody reads it half written."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from creative_logs.errors import InputError


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Provides an empty folder beside `path`; it is renamed to `path` when the block ends without an error.

    Args:
        path: The folder to write; it must be absent or empty.

    Yields:
        The temporary folder to write into.

    Raises:
        InputError: `path` exists and is not an empty folder, or the operating system refuses to write it.
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
def new_file(path: str | Path) -> Iterator[Path]:
    """Provides a name beside `path`; the file written there replaces `path` when the block ends without an error.

    Args:
        path: The file to write or to replace. Its folder is made if it is absent.

    Yields:
        The temporary name to write to.

    Raises:
        InputError: The operating system refuses to write `path`.
    """
    path = Path(path)
    partial = path.with_name(f'.{path.name}.partial')
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Replaces an OSError raised while `path` is written by a one-line InputError that names the path.

    Args:
        path: The file or folder that the block writes.

    Raises:
        InputError: The operating system refused to write `path`.
    """
    try:
        yield
    except OSError as error:
        # Arrow's message is long, but its errno is that of the operating system.
        reason = os.strerror(error.errno) if error.errno else str(error)
        message = f'{path}: cannot be written: {reason}; fix that or choose another place'
        raise InputError(message) from error
