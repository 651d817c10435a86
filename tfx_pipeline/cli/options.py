"""Options shared by several verbs."""

import json
import os
from pathlib import Path

import click

from creative_logs.atomic_write import writing
from creative_logs.errors import InputError


def writable(context: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Checks, before any long work, that a file can be written.

    Raises:
        InputError: The file cannot be written.
    """
    if path is None or (not Path(path).is_dir() and os.access(Path(path).absolute().parent, os.W_OK)):
        return path
    raise InputError(f'{parameter.opts[0]} {path}: must be a file in a folder that can be written to')


config_option = click.option(
    '--config',
    'config_path',
    required=True,
    metavar='FILE',
    help='Configuration file in YAML (see configs/).',
)
set_option = click.option(
    '--set',
    'overrides',
    multiple=True,
    metavar='KEY=VALUE',
    help='Override a key of the configuration, for example training.batch_size=512.',
)
json_option = click.option(
    '--json',
    'json_path',
    metavar='FILE',
    callback=writable,
    help='Also write the figures to FILE as JSON.',
)
catalogue_option = click.option(
    '--catalogue',
    metavar='PATH',
    help='Catalogue, a Parquet file or a folder of them, from which logged requests get the content of their '
    'candidates again.',
)


def write_json(path: str | None, figures: dict) -> None:
    """Writes `figures` to `path` as JSON, completely or not at all; does nothing if `path` is None."""
    if path is not None:
        write_text(path, json.dumps(figures, indent=2, allow_nan=False) + '\n')


def write_text(path: str, text: str) -> None:
    """Writes `text` to `path`, completely or not at all."""
    temporary = Path(f'{path}.tmp')
    with writing(path):
        temporary.write_text(text, encoding='utf-8')
        temporary.rename(path)
