"""What the pages name is there: files and folders of the project, and the targets of links."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / 'README.md', *(ROOT / 'docs').rglob('*.md')])
_ROOMS = (
    'benchmarks',
    'components',
    'configs',
    'creative_logs',
    'docs',
    'model',
    'serving',
    'tests',
    'tfx_pipeline',
)
_PATH = re.compile(rf'`((?:{"|".join(_ROOMS)})/[\w./]*)`')
_LINK = re.compile(r'\]\((?!https?:)([^)#\s]+)')
# Folders of a user that look like ours.
_EXAMPLES = ('serving/genco', 'serving/demo')


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_paths_exist(page: Path):
    named = set(_PATH.findall(page.read_text(encoding='utf-8')))
    missing = [path for path in named if not path.startswith(_EXAMPLES) and not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    targets = _LINK.findall(page.read_text(encoding='utf-8'))
    assert not [target for target in targets if not (page.parent / target).exists()]
