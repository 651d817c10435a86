"""The days of logs that a run reads; that the files are there is checked before any slow import."""

from pathlib import Path

from creative_logs.catalogue.read import catalogue_files
from creative_logs.errors import InputError
from creative_logs.log_files import list_days, split_files
from creative_logs.schema import SPLITS
from tfx_pipeline.config import Config


def window_of(config: Config, day: str | None = None) -> list[str]:
    """Returns the days of the window, oldest first: the newest days that have logs.

    Args:
        config: The configuration of the run.
        day: The last day of the window, YYYY-MM-DD. If None, it is the newest day of the logs.

    Raises:
        InputError: The logs or the catalogue are missing, `day` is not among the days of the logs, a day of
            the window lacks a split, or no day is left to train on.
    """
    days = list_days(config.paths.logs)
    if day is not None:
        if day not in days:
            known = f'there are {days[0]} to {days[-1]}'
            raise InputError(f'{config.paths.logs}: no logs of day {day!r}; {known}')
        days = days[: days.index(day) + 1]
    days = days[-config.window.days :]
    for window_day in days:
        for split in SPLITS:
            split_files(config.paths.logs, window_day, split)
    if config.paths.catalogue is not None:
        catalogue_files(config.paths.catalogue)
    if config.window.holdout_days >= len(days):
        raise InputError(
            f'{Path(config.paths.logs)}: {len(days)} day(s) of logs up to {days[-1]}, of which '
            f'window.holdout_days = {config.window.holdout_days} are held out: none is left to train on'
        )
    return days
