import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creative_logs.catalogue.check import CatalogueChecker
from creative_logs.catalogue.coverage import CatalogueCoverage
from tests.creative_logs.catalogue.helpers import SCHEMA, element, write


def impressions(*rows: dict) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=SCHEMA.arrow_schema())


def impression(title=(), image=(), badge=(), weight=1.0) -> dict:
    return {
        'title_candidates': list(title),
        'image_candidates': list(image),
        'badge_candidates': list(badge),
        'weight': weight,
    }


def covered(tmp_path, *elements: dict) -> CatalogueCoverage:
    coverage = CatalogueCoverage(SCHEMA)
    for rows in CatalogueChecker(SCHEMA).good_rows(write(Path(tmp_path, 'c.parquet'), *elements)):
        coverage.add_elements(rows)
    return coverage


def test_missing_candidates_are_counted_by_id_and_by_impression(tmp_path):
    coverage = covered(tmp_path, element(id='a'), element(component='image', id='b'))
    coverage.add_impressions(
        impressions(
            impression(title=['a', 'b', 'c'], image=['b'], badge=['z']),
            impression(title=['a'], image=['a', 'b'], weight=5.0),
            impression(title=[], image=[], badge=['z']),
        )
    )
    coverage.add_impressions(impressions(impression(title=['c', 'd'], weight=2.5), impression(title=['a'])))
    assert coverage.to_json() == {
        'impressions': 10.5,
        'missing': {
            'title': {'ids': 3, 'impressions': 3.5, 'examples': ['b', 'c', 'd']},
            'image': {'ids': 1, 'impressions': 5.0, 'examples': ['a']},
        },
    }
    json.dumps(coverage.to_json(), allow_nan=False)


def test_a_bad_element_is_not_there(tmp_path):
    coverage = covered(tmp_path, element(id='a', vector=[1.0]), element(id='b'))
    coverage.add_impressions(impressions(impression(title=['a', 'b'])))
    assert coverage.missing['title'].examples == ['a']


def test_at_most_ten_examples_are_kept(tmp_path):
    coverage = covered(tmp_path)
    for start in (0, 8, 4):
        ids = [f'e{i}' for i in range(start, start + 8)]
        coverage.add_impressions(impressions(*(impression(title=[i]) for i in ids)))
    assert coverage.missing['title'].examples == [f'e{i}' for i in range(10)]
    assert (coverage.missing['title'].ids, coverage.missing['title'].impressions) == (16, 24)


def test_a_row_without_a_weight_is_one_impression(tmp_path):
    coverage = covered(tmp_path)
    coverage.add_impressions(impressions(impression(title=['a'], weight=None)))
    assert (coverage.impressions, coverage.missing['title'].impressions) == (1, 1)


IDS = st.sampled_from(['a', 'b', 'c', 'd', 'é'])
LOGS = st.lists(st.tuples(st.lists(IDS, unique=True), st.lists(IDS, unique=True), st.integers(1, 9)))


@settings(max_examples=50, deadline=None)
@given(st.sets(st.tuples(st.sampled_from(['title', 'image', 'badge']), IDS)), LOGS, st.integers(0, 5))
def test_counts_are_those_of_a_plain_loop(listed, rows, cut):
    with tempfile.TemporaryDirectory() as folder:
        coverage = covered(folder, *(element(component=name, id=i) for name, i in sorted(listed)))
    batch = impressions(*(impression(title, image, weight=weight) for title, image, weight in rows))
    for part in (batch.slice(0, cut), batch.slice(cut)):
        coverage.add_impressions(part)
    for place, name in enumerate(('title', 'image')):
        lacking = [{i for i in row[place] if (name, i) not in listed} for row in rows]
        missing = coverage.missing[name]
        assert set(missing.examples) == set().union(*lacking)
        assert missing.ids == len(missing.examples)
        assert missing.impressions == sum(row[2] for row, ids in zip(rows, lacking) if ids)
    assert coverage.impressions == pytest.approx(sum(row[2] for row in rows))
