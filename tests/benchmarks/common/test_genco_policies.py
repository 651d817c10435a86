"""The three policies of one model, against the model's own scores."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.common.genco_policies import GENCO, genco_policies, thompson_policy
from model.config import ModelConfig, TrainingConfig
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.network.genco import GenCO
from model.training.trainer import GencoTrainer
from tests.model.random_batches import TABLES, random_batch


def _model(tables: FeatureTables = TABLES, **config) -> GenCO:
    tf.keras.utils.set_random_seed(3)
    model = GenCO(tables, ModelConfig(**{'phi': True, **config}), TrainingConfig())
    trainer = GencoTrainer(model, TrainingConfig())
    trainer.compile()
    batches = [random_batch(np.random.default_rng(i), 64) for i in range(8)]
    for batch in batches:
        trainer.train_step(batch)
    return model


@pytest.fixture(scope='module')
def model() -> GenCO:
    return _model(samples=1024)


@pytest.fixture
def batch():
    batch = random_batch(np.random.default_rng(99), 6)
    batch[keys.COUNTS] = tf.constant([[2, 3, 2], [1, 0, 0], [2, 2, 0], [3, 2, 1], [1, 1, 1], [0, 4, 2]])
    batch[keys.ELEMENTS] = batch[keys.ELEMENTS][: int(tf.reduce_sum(batch[keys.COUNTS]))]
    return batch


def _every_combination(batch) -> np.ndarray:
    """All of each ad, int64 [B, K, M]; an ad with fewer has its first one over and over."""
    lists = []
    for counts in batch[keys.COUNTS].numpy():
        lists.append(list(itertools.product(*(range(n) if n else [-1] for n in counts))))
    most = max(map(len, lists))
    return np.array([found + found[:1] * (most - len(found)) for found in lists])


def test_enough_samples_make_both_stages_find_the_best_of_f_comb(model, batch):
    policies = genco_policies(model)
    combinations = _every_combination(batch)
    encoded = model.encode(batch)
    each = np.moveaxis(combinations, 1, 0)
    logits = np.stack([model.score_combination(encoded, tf.constant(one)).logit for one in each], 1)
    best = combinations[np.arange(6), logits.argmax(1)]
    for name in ('f_comb', GENCO):
        np.testing.assert_array_equal(policies[name].choose(batch), best)
        scores = policies[name].score_combinations(batch, combinations)
        np.testing.assert_array_equal(combinations[np.arange(6), scores.argmax(1)], best)
    np.testing.assert_allclose(policies['f_comb'].score_combinations(batch, combinations), logits, atol=1e-5)


def test_f_ele_takes_the_best_element_of_each_component(model, batch):
    policy = genco_policies(model)['f_ele']
    scores = model.score_elements(model.encode(batch)).numpy()
    place = 0
    expected = []
    for counts in batch[keys.COUNTS].numpy():
        expected.append([])
        for n in counts:
            expected[-1].append(int(scores[place : place + n].argmax()) if n else -1)
            place += n
    np.testing.assert_array_equal(policy.choose(batch), expected)


def test_generation_is_restricted_to_what_is_given(batch):
    """Two samples, the greedy one and one drawn: at most two of the given combinations are generated."""
    policy = genco_policies(_model(samples=2))[GENCO]
    combinations = _every_combination(batch)[:, :5]
    finite = np.isfinite(policy.score_combinations(batch, combinations))
    assert finite.any(1).all() and (finite.sum(1) <= 2).all()
    sums = genco_policies(_model(samples=2))['f_ele'].score_combinations(batch, combinations)
    assert finite[np.arange(6), sums.argmax(1)].all()


def test_thompson_sampling_chooses_as_often_as_the_drawn_effect_is_the_highest(batch):
    """Three titles of one ad, alone in it: the greedy combination is then also the best by f_comb."""
    rows, titles, model = 2000, [4, 5, 6], _model(samples=4)
    alike = {name: tf.repeat(value[:1], rows, 0) for name, value in batch.items()} | {
        keys.COUNTS: tf.tile(tf.constant([[3, 0, 0]]), [rows, 1]),
        keys.ELEMENTS: tf.tile(tf.constant(titles, tf.int64), [rows]),
        keys.TERMS: tf.zeros([0], tf.int64),
        keys.TERM_COUNTS: tf.zeros([rows, 1], tf.int32),
    }
    effects = model.effects.element_bias
    stds = np.full(TABLES.element_rows, 0.5)
    stds[titles] = [0.5, 1.0, 0.25]
    effects.adopt(effects.mean.numpy(), stds**-2)
    scores = model.score_elements(model.encode(alike)).numpy()[:3]
    draws = np.random.default_rng(5).normal(scores, stds[titles], (100_000, 3))
    expected = np.bincount(draws.argmax(1), minlength=3) / len(draws)
    chosen = thompson_policy(model).choose(alike)[:, 0]
    np.testing.assert_allclose(np.bincount(chosen, minlength=3) / rows, expected, atol=0.045)
    means = thompson_policy(model, scale=0.0).choose(alike)
    np.testing.assert_array_equal(means, genco_policies(model)[GENCO].choose(alike))
    assert set(means[:, 0]) == {scores.argmax()}
