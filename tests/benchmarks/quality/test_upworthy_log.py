"""The archive in memory: which tests, which stories, and the same impressions as the converter's."""

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.common.packed_rows import PackedRows
from benchmarks.quality.upworthy_log import benchmark_config, load, packages_of, without_vectors
from creative_logs.catalogue.schema import arrow_schema
from creative_logs.catalogue.write import write_catalogue
from creative_logs.errors import InputError
from creative_logs.upworthy.convert import catalogue_batches
from creative_logs.upworthy.source import read_packages
from model.content.element_contents import Catalogue
from model.features import packed_batch as keys
from tests.creative_logs.upworthy.helpers import PACKAGES, write_csv

MORE = [
    ('test3', 201401 + 10, 'Four', 'img7', None, None, 500, 20),
    ('test3', 201411, 'Five', 'img7', None, None, 300, 3),
    ('same', 201446, 'Six', 'img8', 'one', None, 400, 4),
    ('same', 201446, 'Six', 'img8', 'two', None, 400, 4),
]


@pytest.fixture(scope='module')
def log(tmp_path_factory):
    source = write_csv(tmp_path_factory.mktemp('archive') / 'packages.csv', PACKAGES + MORE)
    return load(source, benchmark_config())


def test_only_tests_whose_headline_or_image_varies(log):
    assert log.counts.impressions.tolist() == [3001, 3000, 2500, 101, 1000, 1000, 500, 300]
    assert log.test.tolist() == [0, 0, 0, 0, 1, 1, 2, 2]


def test_tests_that_share_a_headline_are_one_story(log):
    assert log.story[0] == log.story[6] != log.story[4]


def test_every_element_has_a_row_of_its_own(log):
    rows = log.batch[keys.ELEMENTS].numpy()
    assert rows.min() >= log.tables.frequent_start
    first = PackedRows(log.batch).take(np.array([0]))
    assert len(set(first[keys.ELEMENTS].numpy())) == 6


def test_impressions_are_those_of_the_split_months_in_order(log):
    split = log.split(0.3, seed=1)
    data = list(log.training_data(PackedRows(log.batch), split.train, seed=1, batch_size=16))
    clicks, weights = (np.concatenate([batch[name] for batch in data]) for name in ('click', 'weight'))
    assert weights.sum() == split.train.impressions.sum()
    assert (clicks * weights).sum() == split.train.clicks.sum()
    assert weights[clicks > 0].max() == 1 and weights.max() <= 64
    months = log.month[np.concatenate([batch['timestamp'] for batch in data])]
    assert (np.diff(months) >= np.timedelta64(0)).all() and len(set(months)) == 3


def test_a_split_without_packages_trains_on_none_of_them(log):
    split = log.split(0.5, seed=2)
    rest = split.without(log.test == 0)
    assert rest.train.impressions[log.test == 0].sum() == rest.train.clicks[log.test == 0].sum() == 0
    np.testing.assert_array_equal(rest.train.impressions[4:], split.train.impressions[4:])
    assert rest.test is split.test


def test_an_archive_in_which_nothing_varies_is_refused(tmp_path):
    with pytest.raises(InputError, match='no test whose headline or image varies'):
        load(write_csv(tmp_path / 'packages.csv', MORE[2:]), benchmark_config())


def write_vectors(source, path):
    """A catalogue as `genco embed` leaves it: texts of three components and vectors of the headlines."""
    rows = [row for batch in catalogue_batches(read_packages(source)) for row in batch.to_pylist()]
    for number, row in enumerate(rows):
        row['vector'] = [float(number), 1.0] if row['component'] == 'headline' else None
    write_catalogue(path, [pa.RecordBatch.from_pylist(rows, schema=arrow_schema())])
    return rows


def test_a_catalogue_describes_every_text_and_its_vectors_can_be_left_out(tmp_path):
    source = write_csv(tmp_path / 'packages.csv', PACKAGES + MORE)
    rows = write_vectors(source, tmp_path / 'catalogue.parquet')
    config = benchmark_config(tmp_path / 'catalogue.parquet')
    log = load(source, config)
    assert log.tables.content == {'headline': 2, 'excerpt': 0, 'lede': 0}
    assert keys.SUBWORD_ROWS not in log.batch
    catalogue = Catalogue.from_files(tmp_path / 'catalogue.parquet', config.log_schema)
    asked = log.batch[keys.ELEMENT_KEYS].numpy()
    listed = np.concatenate([part.keys for part in catalogue.listed()])
    assert np.isin(asked[asked >= 0], listed).all()
    headlines = {row['text']: row['vector'] for row in rows if row['component'] == 'headline'}
    shown = log.batch[keys.SHOWN].numpy()[:, 0]
    first = np.concatenate([[0], np.cumsum(log.batch[keys.COUNTS].numpy().sum(1))[:-1]])
    places, vectors = catalogue.of(asked[first + shown]).vectors['headline']
    texts = np.array(['One, "two"\nthree', 'Four', 'Four', 'Four', 'A', 'B', 'Four', 'Five'])
    np.testing.assert_array_equal(vectors, [headlines[text] for text in texts[places]])
    texts_only = without_vectors(config.log_schema)
    assert [c.content and c.content.vector for c in texts_only.components] == [0, None, 0, 0]
    assert all(c.content.text for c in texts_only.with_content)


def test_halves_share_out_the_stories(log, tmp_path):
    source = write_csv(tmp_path / 'packages.csv', PACKAGES + MORE)
    halves = [packages_of(source, half=half)['impressions'].to_pylist() for half in (1, 2)]
    assert sorted(halves[0] + halves[1]) == sorted(log.counts.impressions.tolist())
    assert sorted(map(len, halves)) == [2, 6]  # The story of two tests, which share a headline, stays whole.


def test_a_catalogue_of_other_components_is_refused(tmp_path):
    row = {'component': 'video', 'id': '1'}
    write_catalogue(tmp_path / 'c.parquet', [pa.RecordBatch.from_pylist([row], schema=arrow_schema())])
    with pytest.raises(InputError, match='describes none of headline, image, excerpt, lede'):
        benchmark_config(tmp_path / 'c.parquet')
