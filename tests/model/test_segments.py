"""Segment softmax and arg max against numpy, segment by segment."""

import numpy as np
import tensorflow as tf

from model.segments import arg_max, log_softmax

SEGMENT = np.array([0, 0, 2, 2, 2, 3], np.int32)
POSITION = np.array([0, 1, 0, 1, 2, 0], np.int32)


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


def test_arg_max_takes_the_first_of_equals_and_marks_empty_segments():
    values = np.array([[1, 5], [2, 5], [0, -1], [0, 3], [-7, 3], [4, 4]], np.float32)
    found = arg_max(tf.constant(values), tf.constant(SEGMENT), tf.constant(POSITION), 5).numpy()
    np.testing.assert_array_equal(found, [[1, 0], [-1, -1], [0, 1], [0, 0], [-1, -1]])
