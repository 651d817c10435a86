"""docs/configuration.md says what the classes of the configuration say."""

from pathlib import Path

import pytest
from pydantic import Field

from creative_logs.base_config import Frozen
from tfx_pipeline.config_reference import meanings, render

PAGE = Path(__file__).parents[2] / 'docs' / 'configuration.md'


class Explained(Frozen):
    """A section.

    Attributes:
        first: The first, which
            goes on: here.
        second: The second.
    """

    first: int = Field(1, ge=1)
    second: str = ''


class Extended(Explained):
    """A section with one more key.

    Attributes:
        third: The third.

    Raises:
        ValueError: never.
    """

    third: int


class Unexplained(Explained):
    """A section whose key has no meaning."""

    third: int = 0


class Outdated(Explained):
    """A section that names a key which is gone.

    Attributes:
        gone: A key of yesterday.
    """


def test_page_is_current():
    assert PAGE.read_text(encoding='utf-8') == render(), (
        'run: python -m tfx_pipeline.config_reference > docs/configuration.md'
    )


def test_meanings_are_read_from_the_docstrings_of_a_class_and_its_bases():
    assert meanings(Extended) == {
        'first': 'The first, which goes on: here.',
        'second': 'The second.',
        'third': 'The third.',
    }


def test_key_without_meaning_is_an_error():
    with pytest.raises(ValueError, match='Unexplained: no entry under "Attributes:" for third'):
        meanings(Unexplained)


def test_meaning_without_key_is_an_error():
    with pytest.raises(ValueError, match='Outdated: gone under "Attributes:" is no key'):
        meanings(Outdated)


def test_page_names_types_limits_and_defaults():
    rows = {line.split(' | ')[0]: line for line in render().splitlines() if line.startswith('| `')}
    assert '| integer, at least 1 | `1024` |' in rows['| `batch_size`']
    assert '| **required** |' in rows['| `logs`']
    assert '`sgd` or `adagrad`' in rows['| `sparse_optimizer`']


def test_only_lists_of_sections_have_brackets():
    titles = [line for line in render().splitlines() if line.startswith('#')]
    for path in ('log_schema', 'log_schema.components[]', 'log_schema.components[].content'):
        assert f'## `{path}`' in titles
