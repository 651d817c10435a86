"""The archive in memory: which tests, which stories, and the same impressions as the converter's."""

import numpy as np
import pytest

from benchmarks.common.packed_rows import PackedRows
from benchmarks.quality.upworthy_log import benchmark_config, load
from creative_logs.errors import InputError
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
