"""phi and the encoder: shapes, sharing, start at zero, and what serving uses of batch normalisation."""

import numpy as np
import tensorflow as tf

from model.network.layers import ContextEncoder, ScoreNetwork


def test_phi_equals_its_matrices():
    layer = ScoreNetwork([3, 2])
    context, features = tf.random.normal([6, 2]), tf.random.normal([6, 4])
    found = layer(context, features).numpy()
    hidden = np.concatenate([context, features], 1)
    *hidden_weights, kernel, bias = layer.get_weights()
    for weight, offset in zip(hidden_weights[::2], hidden_weights[1::2], strict=True):
        hidden = np.maximum(hidden @ weight + offset, 0)
    np.testing.assert_allclose(found, (hidden @ kernel + bias)[:, 0], rtol=1e-4, atol=1e-6)


def test_starting_at_zero_scores_zero_and_still_learns():
    layer = ScoreNetwork([8], start_at_zero=True)
    with tf.GradientTape() as tape:
        score = layer(tf.ones([2, 2]), tf.random.normal([2, 3]))
        loss = tf.reduce_sum(score)
    assert (score.numpy() == 0).all()
    assert max(float(tf.reduce_max(tf.abs(g))) for g in tape.gradient(loss, layer.trainable_variables)) > 0


def test_encoder_normalises_a_batch_and_serves_with_moving_averages():
    encoder = ContextEncoder([4, 3], momentum=0.5)
    inputs = tf.random.normal([256, 5], mean=7.0, stddev=3.0)
    for _ in range(30):
        trained = encoder(inputs, training=True)
    served = encoder(inputs)
    assert trained.shape == (256, 3) and (trained.numpy() >= 0).all()
    np.testing.assert_allclose(served, trained, atol=0.05)


def test_a_folded_encoder_is_the_same_function():
    generator = np.random.default_rng(0)
    encoder = ContextEncoder([16, 8])
    encoder(tf.zeros([1, 5]))
    for weight in encoder.weights:
        value = generator.normal(size=weight.shape)
        weight.assign(np.abs(value) if 'variance' in weight.name else value)
    inputs = generator.normal(size=(50, 5)).astype(np.float32)
    found = encoder.folded()(inputs).numpy()
    assert 0.1 < (found > 0).mean() < 1
    np.testing.assert_allclose(found, encoder(inputs), rtol=1e-4, atol=1e-5)


def test_layers_are_rebuilt_from_their_configuration():
    for layer in (ScoreNetwork([4, 2], start_at_zero=True), ContextEncoder([4], momentum=0.7)):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
