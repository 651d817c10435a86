"""The executor on real catalogues and logs, against plain loops over their rows."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.catalogue_gen.artifacts import ElementCatalogue
from components.catalogue_gen.component import CatalogueGen
from creative_logs.catalogue.schema import arrow_schema
from creative_logs.errors import InputError
from tests.components.catalogue_gen.helpers import SCHEMA, element, impression, write_catalogue, write_log

DAYS = ['2024-01-01', '2024-01-03']


def _run(folder: Path, catalogue: Path, days=DAYS, max_bad_share: float = 0.5) -> ElementCatalogue:
    component = CatalogueGen(str(catalogue), str(folder / 'logs'), days, SCHEMA, max_bad_share)
    artifact = ElementCatalogue()
    artifact.uri = str(folder / 'out')
    Path(artifact.uri).mkdir()
    component.executor_spec.executor_class().Do({}, {'catalogue': [artifact]}, component.exec_properties)
    return artifact


def _logs(folder: Path) -> list[dict]:
    """Random rows of two days in the window, and of one that is not."""
    rng, rows = np.random.default_rng(1), []
    for day in ('2024-01-01', '2024-01-02', '2024-01-03'):
        for split in ('train', 'test'):
            part = [
                impression(
                    [f't{i}' for i in rng.choice(30, rng.integers(0, 4), replace=False)],
                    [f'i{i}' for i in rng.choice(30, rng.integers(1, 3), replace=False)],
                    weight=float(rng.integers(1, 5)),
                )
                for _ in range(50)
            ]
            if day == '2024-01-02':
                part = [impression(['elsewhere'], ['i0'])]
            write_log(folder / 'logs', day, split, *part)
            rows += part if day in DAYS else []
    return rows


def test_the_figures_are_those_of_a_plain_loop(tmp_path):
    rows = _logs(tmp_path)
    titles = [element('title', f't{i}', text='a' * (i % 2), vector=[i, 1.0]) for i in range(20)]
    images = [element('image', f'i{i}', attributes=['red'] * (i % 3)) for i in range(25)]
    bad = [element('title', 't29', vector=[1.0]), element('title', 't0'), element('image', '')]
    write_catalogue(tmp_path / 'parts' / 'a.parquet', *titles, bad[0])
    write_catalogue(tmp_path / 'parts' / 'b.parquet', *images, *bad[1:], element('badge', 'b1'))
    artifact = _run(tmp_path, tmp_path / 'parts')

    folder = Path(artifact.uri)
    assert sorted(path.name for path in folder.iterdir()) == ['catalogue.parquet', 'report.json']
    assert pq.read_schema(folder / 'catalogue.parquet') == arrow_schema()
    assert pq.read_table(folder / 'catalogue.parquet').to_pylist() == titles + images

    report = json.loads((folder / 'report.json').read_text())
    assert (report['elements'], report['bad_elements'], report['unused']) == (46, 3, {'badge': 1})
    assert report['components'] == {
        'title': {'elements': 20, 'texts': 10, 'attributes': 0, 'vectors': 20},
        'image': {'elements': 25, 'texts': 0, 'attributes': 16, 'vectors': 0},
    }
    assert report['impressions'] == sum(row['weight'] for row in rows)
    missing = {}
    for name, listed in (('title', titles), ('image', images)):
        known = {row['id'] for row in listed}
        lacking = [set(row[f'{name}_candidates']) - known for row in rows]
        missing[name] = set().union(*lacking)
        found = report['missing'][name]
        assert found['ids'] == len(missing[name]) > 0
        assert set(found['examples']) <= missing[name] and len(found['examples']) == min(10, found['ids'])
        assert found['impressions'] == sum(row['weight'] for row, ids in zip(rows, lacking) if ids)
    assert artifact.get_int_custom_property('elements') == 45
    assert artifact.get_int_custom_property('bad_elements') == 3
    assert artifact.get_int_custom_property('missing_ids') == sum(map(len, missing.values()))


def test_too_many_bad_elements_stop_before_anything_is_published(tmp_path):
    _logs(tmp_path)
    rows = [element('title', f't{i}') for i in range(99)]
    path = write_catalogue(tmp_path / 'c.parquet', *rows, element('title', 't0'))
    with pytest.raises(InputError, match='1 of 100 elements of the catalogue break a rule') as error:
        _run(tmp_path, path, max_bad_share=0.009)
    assert str(error.value).startswith(f'{path}: ') and '\n' not in str(error.value)
    assert not (tmp_path / 'out' / 'catalogue.parquet').exists()
    (tmp_path / 'out').rename(tmp_path / 'first')
    assert _run(tmp_path, path, max_bad_share=0.01).get_int_custom_property('bad_elements') == 1


def test_vectors_are_not_held_in_memory(tmp_path):
    write_log(tmp_path / 'logs', DAYS[0], 'train', impression(['t0'], []))
    write_log(tmp_path / 'logs', DAYS[0], 'test', impression(['t0'], []))
    elements, path = 100_000, tmp_path / 'c.parquet'
    with pq.ParquetWriter(path, arrow_schema()) as writer:
        for start in range(0, elements, 1000):
            rows = [element('image', f'i{i}', vector=[float(i)] * 64) for i in range(start, start + 1000)]
            writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=arrow_schema()))
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    usual = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        _run(tmp_path, path, days=DAYS[:1])
    finally:
        pa.set_memory_pool(usual)
    assert 4096 * 64 * 4 < pool.max_memory() < elements * 64 * 4 / 2


def test_a_catalogue_or_log_that_is_not_there_is_named(tmp_path):
    _logs(tmp_path)
    with pytest.raises(InputError, match='none: no such catalogue'):
        CatalogueGen(str(tmp_path / 'none'), str(tmp_path / 'logs'), DAYS, SCHEMA, 0.1)
    path = write_catalogue(tmp_path / 'c.parquet', element('title', 't0'))
    with pytest.raises(InputError, match='day 2024-01-09 has no train split'):
        CatalogueGen(str(path), str(tmp_path / 'logs'), ['2024-01-09'], SCHEMA, 0.1)
