"""The verb `join`, which turns served decisions and clicks into click logs. It needs no TensorFlow."""

import datetime
import re

import click
from rich.console import Console
from rich.table import Table

from tfx_pipeline.cli.options import json_option, write_json

_UNITS_MS = {'s': 1_000, 'm': 60_000, 'h': 3_600_000, 'd': 86_400_000}


class _Duration(click.ParamType):
    name = 'duration'

    def convert(self, value, param, ctx):
        match = re.fullmatch(r'([1-9][0-9]*)([smhd])', value)
        if match is None:
            self.fail(f'{value!r} must be a whole number and s, m, h or d, as in 24h')
        return int(match[1]) * _UNITS_MS[match[2]]


class _Time(click.ParamType):
    name = 'time'

    def convert(self, value, param, ctx):
        try:
            time = datetime.datetime.fromisoformat(value)
        except ValueError:
            self.fail(f'{value!r} must be a date, or a date and time, as in 2026-06-01T12:00')
        if time.tzinfo is None:
            time = time.replace(tzinfo=datetime.UTC)
        return int(time.timestamp() * 1000)


@click.command()
@click.option('--decisions', required=True, metavar='DIR', help='Folder of the decision log.')
@click.option(
    '--clicks',
    required=True,
    metavar='DIR',
    help='Parquet files with request_id, timestamp (ms) and optionally value.',
)
@click.option(
    '--window',
    'window_ms',
    type=_Duration(),
    default='24h',
    show_default=True,
    metavar='TIME',
    help='Time after an impression within which a click counts.',
)
@click.option(
    '--out', required=True, metavar='DIR', help='Folder of the logs to write; existing days are kept.'
)
@click.option(
    '--until',
    type=_Time(),
    metavar='TIME',
    help='Time up to which decisions and clicks are complete (UTC).  [default: the newest of them]',
)
@click.option(
    '--uniform-train-share',
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help='Share of the uniform decisions to write to the train split.',
)
@json_option
def join(decisions, clicks, window_ms, out, until, uniform_train_share, json_path):
    """Join logged decisions with clicks into click logs.

    An impression counts as clicked if a click with its request id arrives within the window. A day is written
    when the windows of all its impressions have ended: uniform decisions to the test split, all others to the
    train split. docs/decision_log.md explains how each click is treated.

    \b
    Example:
      genco join --decisions build/decisions --clicks build/clicks --window 24h --out build/logs
    """
    from serving.decisions.join import join as join_logs
    from tfx_pipeline.cli.progress_bar import progress_bar

    with progress_bar('joining', 'days') as advance:
        report = join_logs(decisions, clicks, out, window_ms, until, uniform_train_share, advance)
    write_json(json_path, report.to_json())
    console = Console()
    days = Table('day', 'logs', 'impressions', 'clicked', 'repeated decisions', title=out)
    for day in report.days:
        numbers = (day.impressions, day.clicked, day.repeated)
        days.add_row(day.day, day.state, *(f'{number:,}' for number in numbers))
    console.print(days)
    fates = Table('clicks', 'number')
    for name in ('attributed', 'repeated', 'early', 'late'):
        fates.add_row(name, f'{getattr(report.clicks, name):,}')
    fates.add_row('unknown', f'{report.unknown:,}')
    fates.add_row('invalid', f'{report.invalid:,}')
    console.print(fates)
