"""Finds the versions of a model in its base path and checks that they are complete."""

import re
from dataclasses import dataclass
from pathlib import Path

import grpc

from serving.server.status_errors import StatusError

_SHARD = re.compile(r'variables\.data-\d{5}-of-(\d{5})')
_LARGEST = 2**63 - 1  # the largest version that a request can name


@dataclass(frozen=True)
class VersionFolder:
    """A subfolder of the base path whose name is a number."""

    number: int
    path: Path

    def stamp(self) -> tuple:
        """A value that changes when a file is added, removed or rewritten."""
        files = sorted(path for path in self.path.rglob('*') if path.is_file())
        return tuple((str(file), *_size_and_time(file)) for file in files)

    def check_whole(self) -> None:
        """Checks that the folder is complete.

        This is stricter than TensorFlow Serving, which announces a version without variables and then fails
        its requests.

        Raises:
            StatusError: Files are missing (NOT_FOUND); the message names them.
        """
        if not (self.path / 'saved_model.pb').exists():
            raise StatusError(
                grpc.StatusCode.NOT_FOUND,
                f'Could not find SavedModel .pb or .pbtxt at supplied export directory path: {self.path}',
            )
        variables = self.path / 'variables'
        shards = [_SHARD.fullmatch(file.name) for file in variables.glob('variables.data-*')]
        expected = {int(shard[1]) for shard in shards if shard}
        if not (variables / 'variables.index').exists() or expected != {len(shards)}:
            raise StatusError(
                grpc.StatusCode.NOT_FOUND, f'The variables are missing or incomplete: {variables}'
            )


def list_versions(base_path: Path) -> list[VersionFolder]:
    """The versions in `base_path`, newest first; names that are not numbers are ignored.

    Raises:
        OSError: The base path cannot be read.
    """
    folders = [path for path in base_path.iterdir() if _is_version(path.name) and path.is_dir()]
    return sorted((VersionFolder(int(path.name), path) for path in folders), key=lambda v: -v.number)


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdecimal() and int(name) <= _LARGEST


def _size_and_time(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
