"""Segment softmax against numpy, segment by segment, and padded tables."""

import numpy as np
import tensorflow as tf

from model.features.packed_batch import index_of
from model.features.packed_ops import log_softmax, padded

SEGMENT = np.array([0, 0, 2, 2, 2, 3], np.int32)


def test_log_softmax_per_segment_survives_large_logits():
    logits = np.array([500, 502, -1, 0, 3, 1e5], np.float32)
    found = log_softmax(tf.constant(logits), tf.constant(SEGMENT), 5).numpy()
    for segment in (0, 2, 3):
        inside = logits[SEGMENT == segment].astype(float)
        expected = inside - inside.max() - np.log(np.exp(inside - inside.max()).sum())
        np.testing.assert_allclose(found[SEGMENT == segment], expected, atol=1e-5)


def test_log_softmax_gradient_is_that_of_the_softmax():
    logits = tf.constant(np.random.default_rng(0).normal(size=6), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        first = log_softmax(logits, tf.constant(SEGMENT), 5)[2]
    gradient = tape.gradient(first, logits).numpy()
    inside = np.exp(logits.numpy()[2:5]) / np.exp(logits.numpy()[2:5]).sum()
    np.testing.assert_allclose(gradient, [0, 0, 1 - inside[0], -inside[1], -inside[2], 0], atol=1e-6)


def test_padded_tables_hold_each_element_at_its_place():
    counts = np.array([[2, 0, 3], [0, 1, 0], [0, 0, 0]], np.int32)
    index = index_of(tf.constant(counts))
    found = padded(tf.range(1.0, 7.0), index, 3, -1.0).numpy()
    expected = np.full((3, 3, 3), -1.0)
    expected[0, 0, :2], expected[0, 2], expected[1, 1, 0] = [1, 2], [3, 4, 5], 6
    np.testing.assert_array_equal(found, expected)
