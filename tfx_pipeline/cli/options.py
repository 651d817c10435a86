"""Options shared by several verbs."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import ValidationError

from creative_logs.atomic_write import writing
from creative_logs.errors import InputError
from creative_logs.simulator.config import SimulatorConfig


def writable(context: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Checks, before any long work, that a file can be written.

    Raises:
        InputError: The file cannot be written.
    """
    if path is None or (not Path(path).is_dir() and os.access(Path(path).absolute().parent, os.W_OK)):
        return path
    raise InputError(f'{parameter.opts[0]} {path}: must be a file in a folder that can be written to')


def simulator_config(values: Mapping[str, Any]) -> SimulatorConfig:
    """The configuration of a world with the given properties.

    Raises:
        InputError: There is no such property, or a value is invalid.
    """
    try:
        return SimulatorConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = '.'.join(str(part) for part in first['loc'])
        if first['type'] == 'extra_forbidden':
            raise InputError(f'{key}: the world has no such property; see docs/simulator.md') from error
        message = first['msg'].removeprefix('Value error, ')
        fault = f'{key}: {message}, got {first["input"]!r}' if key else message
        raise InputError(f'{fault}; see genco simulate --help') from error


def _parsed(context: click.Context, parameter: click.Parameter, overrides: tuple[str, ...]) -> dict[str, Any]:
    """The properties by name; their values are YAML.

    Raises:
        InputError: An override is not of the form KEY=VALUE.
    """
    values = {}
    for override in overrides:
        key, equals, text = override.partition('=')
        if not equals:
            raise InputError(f'override {override!r}: must look like element_effect_std=0.3')
        try:
            values[key] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f'override {override!r}: the value is no YAML') from error
    return values


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
property_option = click.option(
    '--set',
    'properties',
    multiple=True,
    metavar='KEY=VALUE',
    callback=_parsed,
    help='Any other property of the world (docs/simulator.md), such as element_effect_std=0.3.',
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
