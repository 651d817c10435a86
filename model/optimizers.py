"""Optimizers: one for embedding rows, one for dense weights."""

import tensorflow as tf
import tensorflow_recommenders as tfrs

from model.config import TrainingConfig

_OPTIMIZERS = {
    'sgd': tf.keras.optimizers.legacy.SGD,
    'adagrad': tf.keras.optimizers.legacy.Adagrad,
    'adam': tf.keras.optimizers.legacy.Adam,
}


def create_optimizer(model, config: TrainingConfig) -> tf.keras.optimizers.legacy.Optimizer:
    """Composite optimizer over `model.sparse_variables` and `model.dense_variables`."""
    sparse = _OPTIMIZERS[config.sparse_optimizer](config.sparse_learning_rate)
    dense = _OPTIMIZERS[config.dense_optimizer](config.dense_learning_rate)

    def sparse_variables():
        return model.sparse_variables

    def dense_variables():
        return model.dense_variables

    return tfrs.experimental.optimizers.CompositeOptimizer(
        [(sparse, sparse_variables), (dense, dense_variables)]
    )
