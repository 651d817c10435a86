"""Scores of many combinations against those of one at a time."""

import numpy as np
import pytest
import tensorflow as tf

from model.choice.combination_scores import combination_logits
from model.config import ModelConfig, TrainingConfig
from model.network.genco import GenCO
from model.training.trainer import GencoTrainer
from tests.model.random_batches import TABLES, random_batch


@pytest.fixture(scope='module', params=[True, False], ids=['with phi', 'without phi'])
def trained(request):
    rng = np.random.default_rng(3)
    training = TrainingConfig(dense_learning_rate=0.01)
    model = GenCO(TABLES, ModelConfig(phi=request.param), training)
    trainer = GencoTrainer(model, training)
    trainer.compile()
    for _ in range(5):
        trainer.train_step(random_batch(rng))
    model.effects.combination_bias.mean.assign(tf.random.normal([model.config.combination_rows]))
    for factors in model.effects.interactions.weights:
        factors.assign(tf.random.normal(factors.shape, stddev=0.5))
    for logs in model.effects.importance.weights:
        logs.assign(tf.random.normal(logs.shape, stddev=0.5))
    batch = random_batch(rng)
    return model, model.encode(batch), batch['counts'].numpy()


def _draw(counts, samples):
    noise = np.random.default_rng(4).random((len(counts), samples, counts.shape[1]))
    return np.floor(noise * counts[:, None]).astype(np.int64) - (counts == 0)[:, None]


def _one_at_a_time(model, encoded, combinations):
    columns = [model.score_combination(encoded, combinations[:, k]).logit for k in range(7)]
    return np.stack(columns, 1)


def _assert_equal_to_one_at_a_time(model, encoded, combinations):
    found = combination_logits(model, encoded, tf.constant(combinations))
    expected = _one_at_a_time(model, encoded, tf.constant(combinations))
    assert expected.std(1).max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_equal_to_the_scores_of_one_combination_at_a_time(trained):
    model, encoded, counts = trained
    _assert_equal_to_one_at_a_time(model, encoded, _draw(counts, 7))


def test_a_component_that_is_left_out_has_no_say(trained):
    model, encoded, counts = trained
    combinations = _draw(counts, 7)
    combinations[:, ::2, 0] = -1
    combinations[3, 1] = -1
    _assert_equal_to_one_at_a_time(model, encoded, combinations)


def test_weights_survive_large_logits(trained):
    model, encoded, counts = trained
    if not model.config.phi:
        pytest.skip('without phi there are no weights')
    _, bias, kernel = model.aggregation.weights
    before = bias.numpy(), kernel.numpy()
    kernel.assign(np.abs(before[1]))
    bias.assign(before[0] + 200 / np.abs(before[1]).sum())
    _assert_equal_to_one_at_a_time(model, encoded, _draw(counts, 7))
    bias.assign(before[0])
    kernel.assign(before[1])
