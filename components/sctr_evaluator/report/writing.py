"""Writes a report to a local folder."""

from collections.abc import Mapping
from pathlib import Path

from creative_logs.atomic_write import writing


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files to a folder, which is created if it is missing; each file is written completely or not at all.

    Raises:
        InputError: The files cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            temporary = folder / f'.{name}.tmp'
            temporary.write_bytes(content)
            temporary.rename(folder / name)
