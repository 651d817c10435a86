"""Losses against plain Python."""

import math

import numpy as np
import pytest
import tensorflow as tf

from model.training.losses import (
    LOG_PROBABILITY_FLOOR,
    clipped_importance_weight,
    cross_entropy,
    leave_one_out,
    policy_gradient,
)


def test_cross_entropy_has_both_halves():
    clicks, logits, weights = [1.0, 0.0, 1.0], [0.3, -2.0, 40.0], [1.0, 3.0, 0.5]
    expected = sum(
        w * (math.log1p(math.exp(-s)) if y else math.log1p(math.exp(s)))
        for y, s, w in zip(clicks, logits, weights)
    )
    found = cross_entropy(tf.constant(clicks), tf.constant(logits), tf.constant(weights))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_policy_gradient_is_reward_times_gradient_of_log_probability():
    log_probability = tf.constant([[-1.0, -2.0], [-0.5, -9.0]])
    reward, weight = tf.constant([1.0, -0.1]), tf.constant([[1.0], [3.0]])
    present = tf.constant([[True, True], [True, False]])
    with tf.GradientTape() as tape:
        tape.watch(log_probability)
        loss = policy_gradient(log_probability, reward, weight, present)
    assert float(loss) == pytest.approx(-(1.0 * (-1 - 2) + 3 * -0.1 * -0.5))
    np.testing.assert_allclose(tape.gradient(loss, log_probability), [[-1, -1], [0.3, 0]], rtol=1e-6)


def test_policy_gradient_lets_go_below_the_floor():
    log_probability = tf.constant([[LOG_PROBABILITY_FLOOR - 1, -1.0]])
    with tf.GradientTape() as tape:
        tape.watch(log_probability)
        loss = policy_gradient(
            log_probability, tf.constant([-0.1]), tf.ones([1, 1]), tf.ones([1, 2], tf.bool)
        )
    np.testing.assert_allclose(tape.gradient(loss, log_probability), [[0, 0.1]], rtol=1e-6)


def test_importance_weights_are_clipped():
    found = clipped_importance_weight(tf.math.log([[0.5, 0.9]]), tf.constant([[0.25, 0.01]]), 10.0)
    np.testing.assert_allclose(found, [[2.0, 10.0]], rtol=1e-6)


def test_baseline_is_the_mean_of_the_others():
    rewards = [[0.1, 0.5, 0.9], [0.2, 0.2, 0.8]]
    expected = [
        [row[k] - sum(row[:k] + row[k + 1 :]) / (len(row) - 1) for k in range(len(row))] for row in rewards
    ]
    np.testing.assert_allclose(leave_one_out(tf.constant(rewards)), expected, atol=1e-7)
