"""A training that diverges ends with what to do, and does not go on."""

import numpy as np
import pytest
import tensorflow as tf

from creative_logs.errors import InputError
from model.config import GencoConfig
from model.training.train import train
from tests.model.conftest import SCHEMA
from tests.model.random_batches import TABLES, random_batch


class Steps(tf.keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1


def _data(count, change=lambda position, batch: batch):
    rng = np.random.default_rng(0)
    batches = [change(i, random_batch(rng)) for i in range(count)]
    spec = {k: tf.TensorSpec([None, *v.shape[1:]], v.dtype) for k, v in batches[0].items()}
    return tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=spec)


def _config(**training) -> GencoConfig:
    return GencoConfig(log_schema=SCHEMA, model={'phi': True, 'additive': False}, training=training)


def test_divergence_ends_the_training_with_what_to_do():
    steps = Steps()
    wild = _config(dense_optimizer='sgd', dense_learning_rate=1e30, reward='paper')
    with pytest.raises(InputError) as error:
        train(TABLES, wild, _data(20), [steps])
    message = str(error.value)
    assert 'diverged' in message and '\n' not in message
    assert 'training.dense_learning_rate (now 1e+30)' in message
    assert 'training.sparse_learning_rate (now 0.005)' in message and "'paper'" in message
    assert steps.count < 19


def test_names_the_batch_whose_loss_is_not_finite():
    def spoil(position, batch):
        return batch | {'numbers': batch['numbers'] * np.nan} if position == 3 else batch

    steps = Steps()
    with pytest.raises(InputError, match='in batch 3 the loss is .* of its gradient nan'):
        train(TABLES, _config(), _data(6, spoil), [steps])
    assert steps.count == 3


def test_a_training_that_stays_finite_sees_every_batch():
    steps = Steps()
    train(TABLES, _config(), _data(5), [steps])
    assert steps.count == 5 and int(steps.model.optimizer.iterations) == 5
