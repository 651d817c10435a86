"""Options that several verbs share."""

import json
from pathlib import Path

import click

config_option = click.option(
    '--config', 'config_path', required=True, metavar='FILE', help='Configuration, a YAML file (see configs/).'
)
set_option = click.option(
    '--set', 'overrides', multiple=True, metavar='KEY=VALUE', help='Override a key, as in training.batch_size=512.'
)
json_option = click.option('--json', 'json_path', metavar='FILE', help='Also write the figures to FILE as JSON.')


def write_json(path: str | None, figures: dict) -> None:
    """Writes `figures` to `path`, whole or not at all; does nothing where no path was given."""
    if path is None:
        return
    temporary = Path(f'{path}.tmp')
    temporary.write_text(json.dumps(figures, indent=2, allow_nan=False) + '\n', encoding='utf-8')
    temporary.rename(path)
