"""The catalogue that docs/logs.md writes is one that the configuration beside it reads."""

import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from creative_logs.catalogue.check import CatalogueChecker
from creative_logs.catalogue.schema import arrow_schema
from creative_logs.schema import Component, ContextFeature, LogSchema

PAGE = Path(__file__).parents[2] / 'docs' / 'logs.md'


def block(language: str) -> str:
    section = PAGE.read_text(encoding='utf-8').split('\n## The element catalogue\n')[1].split('\n## ')[0]
    return re.search(rf'```{language}\n(.*?)```', section, re.DOTALL)[1]


def test_the_example_writes_a_catalogue_without_a_bad_element(tmp_path):
    subprocess.run([sys.executable, '-c', block('python')], cwd=tmp_path, check=True)
    components = yaml.safe_load(block('yaml'))['log_schema']['components']
    schema = LogSchema(
        context=(ContextFeature(name='ad_id'),),
        components=tuple(Component.model_validate(component) for component in components),
    )
    checker = CatalogueChecker(schema)
    assert sum(rows.num_rows for rows in checker.good_rows(tmp_path / 'catalogue.parquet')) == 3
    assert (checker.report.tally.bad_rows, checker.report.unused) == (0, {})
    for field in pq.read_schema(tmp_path / 'catalogue.parquet'):
        assert arrow_schema().field(field.name).type.equals(field.type)


def test_every_column_is_documented():
    page = PAGE.read_text(encoding='utf-8')
    assert [name for name in arrow_schema().names if f'| `{name}` |' not in page] == []
