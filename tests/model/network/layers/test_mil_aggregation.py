"""w_ij and f_c of eq. 17 against plain numpy."""

import numpy as np
import tensorflow as tf

from model.network.layers import MilAggregation


def test_weights_are_a_softmax_over_the_present_components():
    rng = np.random.default_rng(0)
    features = rng.normal(size=[4, 3, 5]).astype(np.float32)
    logits = (50 * rng.normal(size=[4, 3])).astype(np.float32)
    present = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 0]], bool)
    combined, weights = MilAggregation()(tf.constant(features), tf.constant(logits), tf.constant(present))
    for row in range(4):
        expected = np.zeros(3)
        if present[row].any():
            raw = np.exp(logits[row].astype(float) - logits[row][present[row]].max()) * present[row]
            expected = raw / raw.sum()
        np.testing.assert_allclose(weights[row], expected, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(combined[row], expected @ features[row], rtol=1e-4, atol=1e-6)
    assert (weights.numpy()[~present] == 0).all()


def test_gradient_is_finite_where_nothing_is_present():
    logits = tf.constant([[3.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        weights = MilAggregation().weights_of(logits, tf.constant([[False, False]]))
    assert np.isfinite(tape.gradient(weights, logits)).all()


def test_logits_of_an_element_depend_on_its_context():
    layer = MilAggregation()
    features = tf.ones([2, 3])
    logits = layer.logits(tf.constant([[0.0, 0.0], [1.0, -1.0]]), features).numpy()
    assert logits.shape == (2,) and logits[0] != logits[1]
