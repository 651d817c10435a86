"""Packed attention against a loop over ads and elements (eq. 13)."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from model.features.packed_batch import index_of
from model.network.layers import CrossComponentAttention
from model.network.layers.cross_component_attention import GROUPS


def _attend(counts, embeddings, layer, groups=GROUPS):
    return layer(tf.constant(embeddings), index_of(tf.constant(counts)), groups).numpy()


def _oracle(counts, embeddings, layer):
    query, key, value = (part.numpy() for part in layer.project(tf.constant(embeddings)))
    attended, start = np.zeros_like(value), 0
    for row in counts:
        kinds = np.repeat(np.arange(len(row)), row)
        for k, kind in enumerate(kinds):
            seen = [start + l for l, other in enumerate(kinds) if other != kind or l == k]
            logits = np.array([query[start + k] @ key[l] for l in seen], np.float64)
            weights = np.exp(logits - logits.max())
            attended[start + k] = weights @ value[seen] / weights.sum()
        start += len(kinds)
    return layer.combine(tf.constant(attended)).numpy()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.floats(0.1, 30), st.sampled_from([1, 2, GROUPS]))
def test_equals_the_loop_over_elements(seed, ads, scale, groups):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 5, [ads, 3]).astype(np.int32)
    counts[0, 0] = 2
    embeddings = (scale * rng.normal(size=[counts.sum(), 4])).astype(np.float32)
    layer = CrossComponentAttention(3, 4)
    found = _attend(counts, embeddings, layer, groups)
    np.testing.assert_allclose(found, _oracle(counts, embeddings, layer), rtol=1e-3, atol=1e-4 * scale)


def test_an_ad_of_one_component_attends_to_itself_alone():
    layer = CrossComponentAttention(3, 4)
    embeddings = np.random.default_rng(0).normal(size=[4, 4]).astype(np.float32)
    found = _attend(np.array([[4, 0, 0]], np.int32), embeddings, layer)
    alone = layer.combine(layer.project(tf.constant(embeddings))[2]).numpy()
    np.testing.assert_allclose(found, alone, rtol=1e-5)


def test_other_elements_of_the_same_component_have_no_influence():
    layer = CrossComponentAttention(2, 4)
    embeddings = np.random.default_rng(1).normal(size=[5, 4]).astype(np.float32)
    counts = np.array([[3, 2]], np.int32)
    before = _attend(counts, embeddings, layer)
    embeddings[1] += 5
    after = _attend(counts, embeddings, layer)
    np.testing.assert_allclose(after[[0, 2]], before[[0, 2]], rtol=1e-6)
    assert np.abs(after[3:] - before[3:]).max() > 1e-3


def test_huge_embeddings_stay_finite_with_finite_gradients():
    layer = CrossComponentAttention(2, 4)
    embeddings = tf.constant(1e4 * np.random.default_rng(2).normal(size=[6, 4]), tf.float32)
    counts = tf.constant([[3, 3]])
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        total = tf.reduce_sum(layer(embeddings, index_of(counts)))
    assert np.isfinite(total) and np.isfinite(tape.gradient(total, embeddings)).all()


def test_the_clip_of_huge_queries_and_keys_lets_gradients_pass():
    layer = CrossComponentAttention(2, 4)
    gradients = []
    for scale in (1.0, 1e4):
        embeddings = tf.constant(scale * np.ones([3, 4]), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            query, key, _ = layer.project(embeddings)
            total = tf.reduce_sum(query) + tf.reduce_sum(key)
        gradients.append(tape.gradient(total, embeddings))
        assert np.abs(query @ tf.transpose(key)).max() <= 40.01
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize('ads', [1, 2, 3, 5])
def test_fewer_ads_than_groups(ads):
    layer = CrossComponentAttention(2, 4)
    counts = np.full([ads, 2], 1, np.int32)
    assert _attend(counts, np.ones([2 * ads, 4], np.float32), layer).shape == (2 * ads, 4)
