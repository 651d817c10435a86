"""The policy gradient of drawn combinations against enumeration of all combinations of a tiny ad."""

from itertools import product

import numpy as np
import pytest
import tensorflow as tf

from model.config import ModelConfig, TrainingConfig
from model.network.genco import GenCO
from model.training.drawn_combinations import drawn_policy_gradient
from model.training.trainer import GencoTrainer
from tests.model.random_batches import TABLES, random_batch

# One ad with titles 3, 4 and 5, images 1 and 2, and no badge; the rows of images follow the 32 rows of titles.
TITLES, IMAGES = (3, 4, 5), (32 + 1, 32 + 2)
WAYS = [(title, image, -1) for title, image in product(range(3), range(2))]


def _ads(number):
    """The same ad many times."""
    once = {
        'context_ids': [[2, 16 + 3]],
        'numbers': [[0.5]],
        'terms': [24 + 1, 24 + 6],
        'term_counts': [[2]],
        'counts': [[3, 2, 0]],
        'elements': [*TITLES, *IMAGES],
    }
    types = {'numbers': np.float32, 'term_counts': np.int32, 'counts': np.int32}
    arrays = {name: np.asarray(values, types.get(name, np.int64)) for name, values in once.items()}
    return {name: tf.constant(np.concatenate([values] * number)) for name, values in arrays.items()}


def _network(**config):
    tf.keras.utils.set_random_seed(3)
    network = GenCO(TABLES, ModelConfig(**{'phi': True, **config}), TrainingConfig())
    network.score_combination(network.encode(_ads(1)), tf.constant(WAYS[:1]))
    return network


def _with_synergy(factors, matrix, bias):
    """A network whose generator does not know the synergy until it is served."""
    network = _network(taste_dim=0, synergy_dim=1)
    rows, blocks = np.zeros([TABLES.element_rows, 1]), np.zeros([3, 3])
    rows[[*TITLES, *IMAGES], 0] = factors
    blocks[0, 1] = matrix
    network.effects.interactions.adopt(rows, np.zeros([TABLES.ids['user_id'], 0]), blocks)
    mean = np.zeros(TABLES.element_rows)
    mean[[*TITLES, *IMAGES]] = bias
    network.effects.element_bias.mean.assign(mean)
    return network


def _ctr(network):
    """The predicted CTR of each combination of the ad, float64 [6], one at a time."""
    encoded = network.encode(_ads(1))
    logits = [network.score_combination(encoded, tf.constant([way])).logit for way in WAYS]
    return 1 / (1 + np.exp(-np.concatenate(logits).astype(np.float64)))


def _noise(ads, samples):
    return tf.constant(1 - np.random.default_rng(5).random([ads, 3, samples]), tf.float32)


@pytest.mark.parametrize('samples', [2, 5])
def test_mean_over_draws_is_the_gradient_of_the_expected_ctr(samples):
    network = _with_synergy([-1.0, 0.5, 1.5, 1.0, -1.0], 1.2, [0.4, -0.2, 0.1, 0.3, 0.0])
    ads, weight = 20_000, 2.0
    encoded = network.encode(_ads(ads))
    scores = network.score_elements(encoded, training=True)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        log_policy = network.log_policy(encoded, scores)
        loss = drawn_policy_gradient(
            network, encoded, log_policy, _noise(ads, samples), tf.fill([ads], weight)
        )
    found = -tape.gradient(loss, scores).numpy().reshape(ads, 5)

    policy, ctr = np.exp(log_policy.numpy()[:5].astype(np.float64)), _ctr(network)
    joint = np.array([policy[title] * policy[3 + image] for title, image, _ in WAYS])
    expected = [
        weight * sum(p * r * (float(chosen) - policy[e]) for p, r, chosen in zip(joint, ctr, holds))
        for e in range(5)
        for holds in [[way[0] == e if e < 3 else way[1] == e - 3 for way in WAYS]]
    ]
    error = found.std(0) / np.sqrt(ads)
    assert np.abs(expected).max() > 10 * error.max()
    np.testing.assert_array_less(np.abs(found.mean(0) - expected), 4 * error)


def test_the_reward_passes_no_gradient():
    network = _network(additive=False)
    encoded_ads = _ads(8)
    with tf.GradientTape(persistent=True) as tape:
        encoded = network.encode(encoded_ads)
        log_policy = network.log_policy(encoded, network.score_elements(encoded))
        arguments = _noise(8, 4), tf.ones([8])
        loss = drawn_policy_gradient(network, encoded, log_policy, *arguments)
        reward_alone = drawn_policy_gradient(network, encoded, tf.stop_gradient(log_policy), *arguments)
    weights = network.trainable_variables
    assert all(gradient is None for gradient in tape.gradient(reward_alone, weights))
    assert all(g is None for g in tape.gradient(loss, network.aggregation.trainable_variables))
    assert all(np.abs(g).max() > 0 for g in tape.gradient(loss, network.phi.trainable_variables[:2]))


def test_generator_learns_the_synergy_that_only_f_comb_knows():
    network = _with_synergy([0.0, 1.0, 0.0, 0.0, 1.0], 2.0, [0.3, 0.0, 0.1, 0.3, 0.0])
    batch, random = _ads(64), tf.random.Generator.from_seed(2)
    optimizer = tf.keras.optimizers.legacy.Adam(0.01)

    def greedy():
        scores = network.score_elements(network.encode(_ads(1)), training=True).numpy()
        return scores[:3].argmax(), scores[3:].argmax(), -1

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            encoded = network.encode(batch)
            log_policy = network.log_policy(encoded, network.score_elements(encoded, training=True))
            noise = 1 - random.uniform([64, 3, 4])
            loss = drawn_policy_gradient(network, encoded, log_policy, noise, tf.ones([64]))
        weights = network.phi.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    preferred = WAYS[_ctr(network).argmax()]
    assert preferred == (1, 1, -1) and greedy() == (0, 0, -1)
    for _ in range(100):
        step()
    assert greedy() == preferred


def _rl_loss(batch, **training):
    """The loss of the policy gradient of a network that has the same weights in every call."""
    tf.keras.utils.set_random_seed(0)
    config = TrainingConfig(**training)
    trainer = GencoTrainer(GenCO(TABLES, ModelConfig(phi=True, additive=False), config), config)
    trainer.compute_loss(batch)
    return trainer.figures()['loss_rl']


def test_predicted_reward_is_the_expected_one():
    batch = random_batch(np.random.default_rng(0), ads=512)

    def drawn_part(**training):
        return _rl_loss(batch, policy_samples=4, **training) - _rl_loss(batch, **training)

    of_ctr = drawn_part(reward='advantage')
    assert abs(of_ctr) > 1e-5
    rewards = {'reward': 'paper', 'click_reward': 2.0, 'no_click_reward': -1.0}
    assert drawn_part(**rewards) == pytest.approx(3 * of_ctr, rel=1e-2)
    assert drawn_part(**rewards | {'no_click_reward': 2.0}) == pytest.approx(0, abs=abs(of_ctr) / 100)


def test_draws_are_those_of_the_seed():
    batches = [random_batch(np.random.default_rng(i)) for i in range(3)]

    def weights(**training):
        tf.keras.utils.set_random_seed(0)
        config = TrainingConfig(dense_learning_rate=0.01, **training)
        trainer = GencoTrainer(GenCO(TABLES, ModelConfig(phi=True, additive=False), config), config)
        trainer.compile()
        for batch in batches:
            trainer.train_step(batch)
        return trainer.network.phi.get_weights()[0]

    first = weights(policy_samples=4)
    np.testing.assert_array_equal(weights(policy_samples=4), first)
    assert np.abs(weights(policy_samples=4, seed=2) - first).max() > 0
    assert np.abs(weights() - first).max() > 0


def test_one_draw_alone_cannot_be_compared():
    with pytest.raises(ValueError, match='policy_samples must be 0 or at least 2'):
        TrainingConfig(policy_samples=1)
