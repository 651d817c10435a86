"""The cells of the context: every value and every pair of values has one of its own."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from model.features.context_cells import ContextCells
from tests.model.random_batches import TABLES

SIZES = {'age': 3, 'ad_id': 50, 'gender': 2, 'country': 4}


def cells_of(sizes: dict[str, int], categories: tuple[str, ...]) -> ContextCells:
    return ContextCells(replace(TABLES, ids=sizes, categories=categories))


def test_every_value_and_pair_of_values_has_a_cell_of_its_own():
    cells = cells_of(SIZES, ('age', 'gender', 'country'))
    values = np.stack(np.meshgrid(*map(np.arange, (3, 2, 4)), indexing='ij'), -1).reshape(-1, 3)
    found = cells.of(tf.constant(values)).numpy()
    assert [table.features for table in cells.tables] == [
        ('age',),
        ('gender',),
        ('country',),
        ('age', 'gender'),
        ('age', 'country'),
        ('gender', 'country'),
    ]
    assert cells.size == 3 + 2 + 4 + 6 + 12 + 8
    assert sorted(np.unique(found)) == list(range(cells.size))
    axes = {'age': 0, 'gender': 1, 'country': 2}
    for column, table in enumerate(cells.tables):
        told = values[:, [axes[name] for name in table.features]]
        assert len(np.unique(np.column_stack([told, found[:, column]]), axis=0)) == table.size
        assert found[:, column].min() == table.first


def test_categories_are_taken_from_the_ids_of_the_context():
    cells = cells_of(SIZES, ('age', 'country'))
    ids = tf.constant([[2, 3 + 49, 3 + 50 + 1, 3 + 50 + 2 + 3]], tf.int64)
    np.testing.assert_array_equal(cells.categories(ids), [[2, 3]])


@pytest.mark.parametrize('size', [256, 257])
def test_a_pair_with_more_cells_than_are_kept_is_left_out(size):
    pairs = [table.features for table in cells_of({'a': 256, 'b': size}, ('a', 'b')).tables]
    assert (('a', 'b') in pairs) == (size == 256)


def test_without_category_features_there_are_no_cells():
    cells = cells_of(SIZES, ())
    assert cells.size == 0 and not cells.tables
    assert cells.categories(tf.zeros([5, 4], tf.int64)).shape == (5, 0)
