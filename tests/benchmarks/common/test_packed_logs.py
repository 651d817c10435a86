import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from benchmarks.common.packed_logs import dataset, pack_logs, without_labels
from benchmarks.common.transformed_logs import examples_of, transform_logs
from creative_logs.schema import CLICK, TEST, TIMESTAMP, TRAIN, WEIGHT
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.write import simulate
from model.config import GencoConfig, TransformConfig
from model.features import packed_batch as keys
from model.features.example_reader import read
from model.features.preprocessing import feature_tables_of

CONFIG = SimulatorConfig(ads=60, users=200, days=1, rows=1000, test_share=0.3)
SCHEMA = CONFIG.log_schema(content=True)
EQUAL = (
    CLICK,
    WEIGHT,
    TIMESTAMP,
    keys.SHOWN,
    keys.PROPENSITY,
    keys.COUNTS,
    keys.TERM_COUNTS,
    keys.ELEMENT_KEYS,
)
RENUMBERED = (keys.ELEMENTS, keys.TERMS)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('packed')
    simulate(CONFIG, folder / 'logs')
    return folder


def logs(folder):
    day = folder / 'logs' / CONFIG.day_name(0)
    return [pq.read_table(day / split).combine_chunks().to_batches()[0] for split in (TRAIN, TEST)]


def joined(batches, key):
    return np.concatenate([batch[key].numpy() for batch in batches])


def assert_renumbered(ours, theirs):
    """Equal up to the numbers: each value of one stands for one value of the other."""
    pairs = np.unique(np.stack([ours, theirs]), axis=1)
    assert len(np.unique(ours)) == len(np.unique(theirs)) == pairs.shape[1]


def test_is_what_transform_makes_of_the_log_up_to_the_numbers_of_rows(folder):
    transform = TransformConfig(frequent_threshold=1, load_factor=4096)
    config = GencoConfig(log_schema=SCHEMA, transform=transform)
    transforms = transform_logs(folder / 'logs', config, folder / 'transformed')
    theirs_tables = feature_tables_of(transforms, SCHEMA)
    tables, (train, _) = pack_logs(logs(folder), SCHEMA, 128)
    theirs = list(read([examples_of(folder / 'transformed', TRAIN)], theirs_tables, 128))
    for key in EQUAL:
        np.testing.assert_allclose(joined(train, key), joined(theirs, key), rtol=1e-6, err_msg=key)
    for key in RENUMBERED:
        assert_renumbered(joined(train, key), joined(theirs, key))
    for ours, transformed in zip(joined(train, keys.CONTEXT_IDS).T, joined(theirs, keys.CONTEXT_IDS).T):
        assert_renumbered(ours, transformed)
    assert list(tables.ids) == list(theirs_tables.ids)
    assert tables.components.keys() == theirs_tables.components.keys()


def test_logs_share_their_numbers_and_keep_their_rows_apart(folder):
    tables, (train, test) = pack_logs(logs(folder), SCHEMA, 128)
    assert [len(batch[CLICK]) for batch in train] == [128] * 5 + [60]
    assert [len(batch[CLICK]) for batch in test] == [128, 128, 44]
    shared = np.intersect1d(joined(train, keys.ELEMENTS), joined(test, keys.ELEMENTS))
    assert len(shared) > 0.9 * len(np.unique(joined(test, keys.ELEMENTS)))
    every = np.concatenate([joined(train, keys.ELEMENTS), joined(test, keys.ELEMENTS)])
    np.testing.assert_array_equal(np.unique(every), np.arange(tables.element_rows))


def test_dataset_gives_the_batches_again_and_again(folder):
    _, (train, _) = pack_logs(logs(folder), SCHEMA, 128)
    data = dataset(train)
    for _ in range(2):
        again = list(data)
        assert len(again) == len(train)
        for ours, theirs in zip(train, again):
            assert ours.keys() == theirs.keys()
            for key in ours:
                tf.debugging.assert_equal(ours[key], theirs[key])


def test_requests_hold_no_outcome(folder):
    _, (_, test) = pack_logs(logs(folder), SCHEMA, 128)
    kept = {
        keys.CONTEXT_IDS,
        keys.TERMS,
        keys.TERM_COUNTS,
        keys.COUNTS,
        keys.ELEMENTS,
        keys.ELEMENT_KEYS,
    }
    assert all(set(batch) == kept for batch in without_labels(test))
