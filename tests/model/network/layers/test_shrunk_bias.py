"""Online shrinkage against a scalar loop, and its two limits."""

import numpy as np
import pytest
import tensorflow as tf

from model.network.layers import ShrunkBias


def test_update_equals_a_loop_over_rows():
    rng = np.random.default_rng(0)
    layer = ShrunkBias(5, prior_std=0.5)
    mean, precision = np.zeros(5), np.full(5, 4.0)
    for _ in range(3):
        rows = rng.integers(5, size=20)
        residual = rng.normal(size=20).astype(np.float32)
        information = rng.random(20).astype(np.float32)
        layer.update(tf.constant(rows), tf.constant(residual), tf.constant(information))
        for row in set(rows):
            precision[row] += information[rows == row].sum()
            mean[row] -= residual[rows == row].sum() / precision[row]
    np.testing.assert_allclose(layer.mean, mean, rtol=1e-4)
    np.testing.assert_allclose(layer.precision, precision, rtol=1e-5)
    np.testing.assert_allclose(layer(tf.constant([3, 0])), mean[[3, 0]], rtol=1e-4)
    np.testing.assert_allclose(layer.std(tf.constant([3, 0])), precision[[3, 0]] ** -0.5, rtol=1e-5)


@pytest.mark.parametrize(('impressions', 'low', 'high'), [(30, 0.0, 0.15), (200_000, 0.9, 1.05)])
def test_little_evidence_stays_near_the_prior_and_much_evidence_wins(impressions, low, high):
    """An id whose true CTR is 0.4 logits above the intercept."""
    intercept, truth = -2.6, 0.4
    true_ctr = 1 / (1 + np.exp(-intercept - truth))
    layer = ShrunkBias(1, prior_std=0.12)
    for chunk in np.array_split(np.arange(impressions), max(1, impressions // 100)):
        predicted = 1 / (1 + np.exp(-intercept - float(layer.mean[0])))
        residual = len(chunk) * (predicted - true_ctr)
        information = len(chunk) * predicted * (1 - predicted)
        layer.update(
            tf.constant([0]), tf.constant([residual], tf.float32), tf.constant([information], tf.float32)
        )
    assert low < float(layer.mean[0]) / truth < high


def test_no_gradient_flows():
    layer = ShrunkBias(3, prior_std=1.0)
    with tf.GradientTape() as tape:
        tape.watch(layer.mean)
        total = tf.reduce_sum(layer(tf.constant([0, 1])))
    assert tape.gradient(total, layer.mean) is None
