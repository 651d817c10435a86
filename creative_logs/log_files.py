"""The folders and files of logs: `<root>/<YYYY-MM-DD>/{train,test}/*.parquet`."""

import datetime
import re
from pathlib import Path

from creative_logs.errors import InputError
from creative_logs.schema import SPLITS

_LOOKS_LIKE_A_DAY = re.compile(r'\d{4}-\d{1,2}-\d{1,2}')


def list_days(root: str | Path) -> list[str]:
    """Lists the days that have a folder under `root`, oldest first.

    Raises:
        InputError: `root` is not a folder, holds no day, or holds a folder such as 2024-02-30.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f'{root}: no such folder of logs; write logs there or change paths.logs')
    days = sorted(p.name for p in root.iterdir() if p.is_dir() and _LOOKS_LIKE_A_DAY.fullmatch(p.name))
    for day in days:
        if not _is_date(day):
            raise InputError(f'{root / day}: is no date (YYYY-MM-DD); rename or remove it')
    if not days:
        raise InputError(f'{root}: holds no day of logs; expected folders named YYYY-MM-DD')
    return days


def split_files(root: str | Path, day: str, split: str) -> list[Path]:
    """Lists the Parquet files of one split of one day, sorted by name.

    Raises:
        InputError: The split has no folder, or its folder holds no Parquet file.
    """
    folder = Path(root) / day / split
    if not folder.is_dir():
        raise InputError(f'{folder}: day {day} has no {split} split; a day needs {" and ".join(SPLITS)}')
    files = sorted(folder.glob('*.parquet'))
    if not files:
        raise InputError(f'{folder}: holds no Parquet file; remove day {day} or write its {split} split')
    return files


def _is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
