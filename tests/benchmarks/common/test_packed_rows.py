"""Rows taken by number, against packing the same rows."""

import numpy as np
import tensorflow as tf

from benchmarks.common.packed_rows import PackedRows
from model.features import packed_batch as keys
from model.features.packed_batch import pack


def test_taken_rows_are_what_packing_them_gives(transformed, tables, batch):
    rows = np.array([3, 77, 3, 0, 599, 42])
    chosen = {name: tf.gather(value, rows) for name, value in transformed.items()}
    expected, found = pack(chosen, tables), PackedRows(batch).take(rows)
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_subwords_can_be_left_out(batch):
    found = PackedRows(batch, subwords=False).take(np.arange(4))
    assert set(batch) - set(found) == {keys.SUBWORD_ROWS, keys.SUBWORDS_PER_ELEMENT}


def test_impressions_keep_order_and_have_their_own_labels(batch):
    rows, click, weight = np.array([5, 1, 5, 2, 9]), np.array([1, 0, 0, 1, 0]), np.arange(1, 6)
    packed = PackedRows(batch)
    batches = list(packed.impressions(rows, click, weight, batch_size=2))
    assert [len(b['click']) for b in batches] == [2, 2, 1]
    for name, expected in (('click', click), ('weight', weight), ('shown', batch['shown'].numpy()[rows])):
        np.testing.assert_array_equal(np.concatenate([b[name] for b in batches]), expected)
    np.testing.assert_array_equal(batches[1][keys.ELEMENTS], packed.take(rows[2:4])[keys.ELEMENTS])
