"""Tastes and synergies against sums written out one by one."""

import numpy as np
import pytest
import tensorflow as tf

from model.features.packed_batch import index_of
from model.network.layers.interaction_effects import InteractionEffects
from tests.model.random_batches import TABLES, random_batch

H, D, M = 3, 2, 3


@pytest.fixture
def layer():
    rng = np.random.default_rng(0)
    made = InteractionEffects(TABLES, H, D)
    blocks = rng.normal(size=(M, D, M, D))
    for j in range(M):
        blocks[j, :, : j + 1] = 0
    made.adopt(
        rng.normal(size=(TABLES.element_rows, H + D)),
        rng.normal(size=(made.cells.size, H)),
        blocks.reshape(M * D, M * D),
    )
    return made


def test_taste_is_the_product_of_the_factors_of_user_and_element(layer):
    batch = random_batch(np.random.default_rng(1))
    index = index_of(batch['counts'])
    factors = tf.gather(layer.factors, batch['elements'])
    found = layer.taste(batch['context_ids'], factors, index.ad).numpy()
    users = batch['context_ids'].numpy()[:, 0]
    for place, ad in enumerate(index.ad.numpy()):
        expected = layer.context.numpy()[users[ad]] @ factors.numpy()[place, :H]
        assert found[place] == pytest.approx(expected, abs=1e-5)


def test_synergy_is_a_sum_over_pairs_of_elements(layer):
    rng = np.random.default_rng(2)
    factors = rng.normal(size=(M, H + D)).astype(np.float32)
    placed = layer.placed(tf.constant(factors), tf.range(M)).numpy().sum(0)
    matrix = layer.weights[-1].numpy().reshape(M, D, M, D)
    expected = sum(
        factors[j, H:] @ matrix[j, :, k] @ factors[k, H:] for j in range(M) for k in range(j + 1, M)
    )
    assert layer.synergy(tf.constant(placed[None])).numpy()[0] == pytest.approx(expected, rel=1e-5)


def test_expected_synergy_finds_the_better_of_two_pairs(layer):
    """Alone, element a1 is the best of its component; with its partner, a0 is."""
    layer.adopt(
        np.zeros((TABLES.element_rows, H + D)),
        np.zeros((layer.cells.size, H)),
        np.pad(np.eye(D), [(0, 2 * D), (D, D)]),
    )
    index = index_of(tf.constant([[2, 2, 0]], tf.int32))
    factors = np.zeros((4, H + D), np.float32)
    factors[:, H] = [1.0, 0.0, 1.0, -1.0]  # a0 with b0: +1; a1 with either: 0
    scores = tf.constant([0.0, 0.4, 0.5, 0.0])
    found = layer.expected_synergy(scores, layer.placed(tf.constant(factors), index.component), index).numpy()
    np.testing.assert_allclose(found, [1.0, 0.0, 1.0, -1.0], atol=1e-3)


def test_without_factors_there_is_nothing_to_add():
    layer = InteractionEffects(TABLES, 0, 0)
    placed = layer.placed(tf.zeros([5, 0]), tf.constant([0, 0, 1, 2, 2]))
    assert placed.shape == (5, 0) and layer.dimensions == 0
