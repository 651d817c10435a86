"""Writes a report on this machine."""

from collections.abc import Mapping
from pathlib import Path

from creative_logs.atomic_write import writing


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files into a folder, which is made where it is missing; each whole or not at all.

    Raises:
        InputError: the system does not let them be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            temporary = folder / f'.{name}.tmp'
            temporary.write_bytes(content)
            temporary.rename(folder / name)
