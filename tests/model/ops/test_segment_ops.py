"""Sums and means over consecutive rows against NumPy, with their gradients."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from model.ops.segment_ops import mean_rows, spread_rows, sum_rows

LENGTHS = st.lists(st.integers(0, 4), min_size=1, max_size=9)


def _segment(lengths):
    return np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)


def _random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _sums(values, lengths):
    parts = np.split(values, np.cumsum(lengths)[:-1])
    return np.stack([part.sum(0) for part in parts])


@settings(max_examples=40, deadline=None)
@given(LENGTHS)
def test_sums_with_empty_segments_anywhere(lengths):
    values, weights, segment = _random(sum(lengths), 3), _random(len(lengths), 3), _segment(lengths)
    tensor = tf.constant(values)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        sums = sum_rows(tensor, segment, len(lengths))
        total = tf.reduce_sum(sums * weights)
    np.testing.assert_allclose(sums, _sums(values, lengths), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(tape.gradient(total, tensor), weights[segment])


@settings(max_examples=40, deadline=None)
@given(LENGTHS)
def test_means_with_empty_segments_anywhere(lengths):
    values, weights, segment = _random(sum(lengths), 3), _random(len(lengths), 3), _segment(lengths)
    tensor, divisor = tf.constant(values), np.maximum(lengths, 1)[:, None].astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        means = mean_rows(tensor, segment, tf.constant(lengths))
        total = tf.reduce_sum(means * weights)
    np.testing.assert_allclose(means, _sums(values, lengths) / divisor, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(total, tensor), (weights / divisor)[segment], rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(LENGTHS)
def test_spreads_and_adds_up_the_gradients(lengths):
    rows, weights, segment = _random(len(lengths), 2), _random(sum(lengths), 2), _segment(lengths)
    tensor = tf.constant(rows)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        spread = spread_rows(tensor, segment)
        total = tf.reduce_sum(spread * weights)
    np.testing.assert_array_equal(spread, rows[segment])
    np.testing.assert_allclose(tape.gradient(total, tensor), _sums(weights, lengths), rtol=1e-5, atol=1e-6)
