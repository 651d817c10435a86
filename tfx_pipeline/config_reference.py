"""The configuration reference, docs/configuration.md, written from the configuration's own classes.

    python -m tfx_pipeline.config_reference > docs/configuration.md

Keys, types, limits and defaults are those of the pydantic models; the meaning of a key is its entry in the
section `Attributes:` of its class's docstring.
"""

import datetime
import inspect
import json
import re
import sys
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from creative_logs.base_config import Frozen
from creative_logs.simulator.config import SimulatorConfig
from model.config import PRESETS
from tfx_pipeline.config import Config

_HEAD = """# Configuration

Every key of a configuration file, such as `configs/demo.yaml`. An unknown key is an error. Any key can be overridden
on the command line: `genco run --config configs/demo.yaml --set training.batch_size=512`.

This page is generated from the classes of the configuration:
`python -m tfx_pipeline.config_reference > docs/configuration.md`.
"""
_SIMULATOR_HEAD = """## The simulated world

Properties of `genco simulate`. `--ads`, `--users`, `--days`, `--rows`, `--ctr`, `--test-share`, `--seed` and
`--start-day` are options; all others are given as `--set KEY=VALUE`. Standard deviations are in logits of the click
probability.
"""
_TYPES = {
    bool: 'true or false',
    int: 'integer',
    float: 'number',
    str: 'text',
    datetime.date: 'date',
    types.NoneType: 'null',
}
_LIMITS = {'ge': 'at least', 'gt': 'above', 'le': 'at most', 'lt': 'below'}
_LONGEST_DEFAULT = 60
_ENTRY = re.compile(r'(\w+): (.*)')


def render() -> str:
    """The whole page, as Markdown.

    Raises:
        ValueError: A key has no entry under `Attributes:` in the docstring of its class.
    """
    parts = [_HEAD, _section('Top level', Config), *_subsections(Config, ''), _presets()]
    parts += [_SIMULATOR_HEAD, _table(SimulatorConfig), *_subsections(SimulatorConfig, '', level=3)]
    return '\n'.join(parts)


def meanings(section: type[Frozen]) -> dict[str, str]:
    """The meaning of each key in a section of the configuration, one line each.

    Args:
        section: A class of the configuration; entries of its base classes count as well.

    Raises:
        ValueError: A key has no entry, or an entry has no key.
    """
    found: dict[str, str] = {}
    for parent in reversed(section.__mro__):
        found |= _attributes(inspect.cleandoc(parent.__dict__.get('__doc__') or ''))
    fields = section.model_fields
    missing = [key for key in fields if key not in found]
    if missing:
        raise ValueError(f'{section.__name__}: no entry under "Attributes:" for {", ".join(missing)}')
    unknown = [key for key in _attributes(inspect.getdoc(section) or '') if key not in fields]
    if unknown:
        raise ValueError(f'{section.__name__}: {", ".join(unknown)} under "Attributes:" is no key')
    return {key: found[key] for key in fields}


def _attributes(docstring: str) -> dict[str, str]:
    """Entries of the section `Attributes:`; continuation lines are indented further."""
    _, _, section = docstring.partition('Attributes:\n')
    entries: dict[str, str] = {}
    name = ''
    for line in section.splitlines():
        if line and not line.startswith(' '):
            break
        entry = _ENTRY.fullmatch(line.strip())
        if entry and line.startswith('    ') and not line.startswith('     '):
            name, text = entry.groups()
            entries[name] = text
        elif line.strip() and name:
            entries[name] += f' {line.strip()}'
    return entries


def _section(title: str, section: type[Frozen], level: int = 2) -> str:
    intro = (inspect.getdoc(section) or '').partition('\nAttributes:')[0].strip()
    return f'{"#" * level} {title}\n\n{intro}\n\n{_table(section)}'


def _subsections(section: type[Frozen], prefix: str, level: int = 2) -> Iterator[str]:
    for key, field in section.model_fields.items():
        inner = _inner(field.annotation)
        if inner is not None:
            several = 'sections' in _type_name(field.annotation)
            path = f'{prefix}{key}[]' if several else f'{prefix}{key}'
            yield _section(f'`{path}`', inner, level)
            yield from _subsections(inner, f'{path}.', level)


def _inner(annotation: Any) -> type[Frozen] | None:
    """The class of a key that is a section, an optional section or a list of sections."""
    if inspect.isclass(annotation) and not get_origin(annotation) and issubclass(annotation, Frozen):
        return annotation
    return next(filter(None, map(_inner, get_args(annotation))), None)


def _table(section: type[Frozen]) -> str:
    lines = ['| key | type | default | meaning |', '| --- | --- | --- | --- |']
    blocks = []
    explained = meanings(section)
    for key, field in section.model_fields.items():
        default = _default(field)
        if len(default) > _LONGEST_DEFAULT:
            blocks.append(f'Default of `{key}`:\n\n```yaml\n{_as_yaml(key, field)}```\n')
            default = 'below'
        cells = [f'`{key}`', _type(field.annotation, field.metadata), default, explained[key]]
        lines.append(f'| {" | ".join(cell.replace("|", chr(92) + "|") for cell in cells)} |')
    return '\n'.join([*lines, '', *blocks])


def _type(annotation: Any, metadata: list[Any]) -> str:
    limits = [
        f'{words} {getattr(item, limit):g}'
        for item in metadata
        for limit, words in _LIMITS.items()
        if getattr(item, limit, None) is not None
    ]
    return ', '.join([_type_name(annotation), *limits])


def _type_name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin is Literal:
        return _alternatives([f'`{value}`' for value in arguments])
    if origin in (Union, types.UnionType):
        return ' or '.join(_type_name(argument).replace(' or ', ', ') for argument in arguments)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f'[{", ".join(map(_type_name, arguments))}]'
    if origin is tuple:
        return f'list of {_plural(_type_name(arguments[0]))}'
    if origin is dict:
        return f'mapping of names to {_plural(_type_name(arguments[1]))}'
    return 'section' if _inner(annotation) else _TYPES[annotation]


def _plural(name: str) -> str:
    head, of, rest = name.partition(' of ')
    return name if name.startswith('[') else f'{head}s{of}{rest}'


def _alternatives(names: list[str]) -> str:
    return f'{", ".join(names[:-1])} or {names[-1]}'


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return '**required**'
    if isinstance(field.default, Frozen):
        return 'its defaults'
    return f'`{json.dumps(_plain(field.default), ensure_ascii=False)}`'


def _plain(value: Any) -> Any:
    """The value in the types of YAML."""
    if isinstance(value, Frozen):
        return value.model_dump(mode='json')
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.isoformat() if isinstance(value, datetime.date) else value


def _as_yaml(key: str, field: FieldInfo) -> str:
    """One line per entry, so that a table of numbers stays readable."""
    value = _plain(field.default)
    entries = (
        [f'  - {json.dumps(item)}' for item in value]
        if isinstance(value, list)
        else [f'  {name}: {json.dumps(item)}' for name, item in value.items()]
    )
    return '\n'.join([f'{key}:', *entries, ''])


def _presets() -> str:
    """What the presets set, where it differs from the defaults."""
    lines = ['## Presets', '', '`preset: tuned` is the defaults above. `preset: paper` sets:', '']
    lines += ['| key | value |', '| --- | --- |']
    for section, values in PRESETS['paper'].items():
        lines += [f'| `{section}.{key}` | `{json.dumps(value)}` |' for key, value in values.items()]
    return '\n'.join([*lines, ''])


if __name__ == '__main__':
    sys.stdout.write(render())
