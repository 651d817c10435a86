import itertools

import numpy as np
import tensorflow as tf

from model.network.layers import CombinationBias

ROWS = 1 << 16


def codes(layer: CombinationBias, ads, elements) -> tf.Tensor:
    """Of ads [B] with their elements [B, M]."""
    elements = tf.constant(elements, tf.int64)
    components = tf.tile(tf.range(elements.shape[1]), [elements.shape[0]])
    of_elements = layer.element_codes(tf.reshape(elements, [-1]), components)
    return layer.ad_codes(tf.constant(ads, tf.int64)) + tf.reduce_sum(
        tf.reshape(of_elements, elements.shape), 1
    )


def test_combinations_of_neighbouring_rows_spread_evenly_over_the_table():
    layer = CombinationBias(ROWS, 3)
    many = np.array(list(itertools.product(range(16), range(16), range(16), range(4))))
    rows = layer.rows_of(codes(layer, many[:, 3], many[:, :3])).numpy()
    assert rows.min() >= 0 and rows.max() < ROWS
    by_chance = ROWS * (1 - np.exp(-len(many) / ROWS))
    assert len(np.unique(rows)) > 0.97 * by_chance
    counts = np.bincount(rows // (ROWS // 16), minlength=16)
    assert counts.min() > 0.9 * len(many) / 16


def test_an_element_is_another_one_in_another_component_and_with_another_ad():
    layer = CombinationBias(ROWS, 2)
    rows = layer.rows_of(codes(layer, [0, 0, 1, 0], [[3, 5], [5, 3], [3, 5], [3, 5]])).numpy()
    assert len(set(rows)) == 3 and rows[0] == rows[3]


def test_a_combination_has_the_bias_of_its_row():
    layer = CombinationBias(ROWS, 2)
    code = codes(layer, [2, 2], [[3, 5], [4, 5]])
    layer.mean.scatter_nd_update(layer.rows_of(code)[:1, None], [0.7])
    np.testing.assert_allclose(layer(code), [0.7, 0.0])
