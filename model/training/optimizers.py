"""The optimizers for embedding rows and for dense weights."""

from collections.abc import Callable

import tensorflow as tf
import tensorflow_recommenders as tfrs

from model.config import TrainingConfig


class SparseAdagrad(tf.keras.optimizers.legacy.Adagrad):
    """Adagrad that adds the squared gradient of each occurrence of a row to the accumulator.

    Adagrad in Keras first sums the gradients of equal rows; that and its row-by-row update took a sixth of a
    training step. For a row that occurs o times in a batch, with gradients g_1 ... g_o:

        accumulator += g_1^2 + ... + g_o^2
        row         -= learning_rate (g_1 + ... + g_o) / (sqrt(accumulator) + epsilon)
    """

    def _resource_apply_sparse_duplicate_indices(self, grad, handle, indices, **kwargs):
        accumulator = self.get_slot(handle, 'accumulator')
        accumulator.scatter_add(tf.IndexedSlices(tf.square(grad), indices))
        scale = tf.sqrt(tf.gather(accumulator, indices)) + self.epsilon
        rate = self._decayed_lr(grad.dtype)
        return handle.scatter_sub(tf.IndexedSlices(rate * grad / scale, indices))


_OPTIMIZERS = {
    'sgd': tf.keras.optimizers.legacy.SGD,
    'adagrad': SparseAdagrad,
    'adam': tf.keras.optimizers.legacy.Adam,
}


def create_optimizer(
    sparse_variables: Callable[[], list[tf.Variable]],
    dense_variables: Callable[[], list[tf.Variable]],
    config: TrainingConfig,
) -> tf.keras.optimizers.legacy.Optimizer:
    """Combines the optimizer of embedding rows and that of dense weights.

    Args:
        sparse_variables, dense_variables: Give the variables of each; they are called when gradients are
            applied, since layers create their weights when they are first called.
        config: The optimizers and their learning rates.
    """
    sparse = _OPTIMIZERS[config.sparse_optimizer](config.sparse_learning_rate)
    dense = _OPTIMIZERS[config.dense_optimizer](config.dense_learning_rate)

    return tfrs.experimental.optimizers.CompositeOptimizer(
        [(sparse, sparse_variables), (dense, dense_variables)]
    )
