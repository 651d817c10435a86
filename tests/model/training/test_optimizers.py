"""Adagrad on embedding rows against a loop, and which optimizer gets which variables."""

import numpy as np
import tensorflow as tf

from model.config import ModelConfig, TrainingConfig
from model.network.genco import GenCO
from model.training.optimizers import SparseAdagrad
from model.training.trainer import GencoTrainer
from tests.model.random_batches import TABLES, random_batch


def test_repeated_rows_add_the_square_of_each_occurrence():
    rng = np.random.default_rng(0)
    table = tf.Variable(rng.normal(size=[5, 2]).astype(np.float32))
    expected, accumulator = table.numpy().astype(float), np.full([5, 2], 0.1)
    optimizer = SparseAdagrad(0.5, initial_accumulator_value=0.1)
    for _ in range(3):
        rows, gradients = rng.integers(5, size=9), rng.normal(size=[9, 2]).astype(np.float32)
        optimizer.apply_gradients([(tf.IndexedSlices(tf.constant(gradients), tf.constant(rows)), table)])
        for row, gradient in zip(rows, gradients):
            accumulator[row] += gradient.astype(float) ** 2
        for row, gradient in zip(rows, gradients):
            expected[row] -= 0.5 * gradient / (np.sqrt(accumulator[row]) + optimizer.epsilon)
    np.testing.assert_allclose(table, expected, rtol=1e-4, atol=1e-6)


def test_embedding_rows_get_summed_gradients_and_dense_weights_the_mean():
    """With plain SGD on both, a step on a doubled weight moves rows twice as far and dense weights as far."""
    training = TrainingConfig(
        sparse_optimizer='sgd', dense_optimizer='sgd', sparse_learning_rate=1e-3, dense_learning_rate=1e-2
    )
    batch = random_batch(np.random.default_rng(0))
    moves = []
    for weight in (1.0, 2.0):
        tf.keras.utils.set_random_seed(0)
        model = GenCO(TABLES, ModelConfig(phi=True, additive=False), training)
        trainer = GencoTrainer(model, training)
        trainer.compile()
        weighted = batch | {'weight': tf.fill([24], weight)}
        trainer.compute_loss(weighted)
        before = model.element_embedding.numpy(), model.phi.trainable_variables[0].numpy()
        trainer.train_step(weighted)
        after = model.element_embedding.numpy(), model.phi.trainable_variables[0].numpy()
        moves.append([a - b for a, b in zip(after, before)])
    (rows, dense), (rows_twice, dense_twice) = moves
    np.testing.assert_allclose(rows_twice, 2 * rows, rtol=1e-2, atol=1e-7)
    np.testing.assert_allclose(dense_twice, dense, rtol=1e-2, atol=1e-7)
    assert np.abs(rows).max() > 0 and np.abs(dense).max() > 0
