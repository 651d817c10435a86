"""Linear Thompson sampling: its posterior by counting, and how often it chooses what."""

import numpy as np
import tensorflow as tf
from scipy import optimize
from scipy.special import expit

from benchmarks.paper.linear_thompson import LinearThompson
from model.baselines.online_bayes import AD_PRIOR_STD, ELEMENT_PRIOR_STD
from tests.model.random_batches import TABLES, random_batch

# One ad with the titles 0 and 1: impressions and clicks of each.
IMPRESSIONS, CLICKS = np.array([400.0, 100.0]), np.array([40.0, 15.0])


def _two_titles(rows: int = 1) -> dict:
    """Requests of one ad with the titles 0, 1 and 2, of which the last was never shown."""
    batch = random_batch(np.random.default_rng(0), rows)
    zero = {'elements': np.tile([0, 1, 2], rows), 'counts': np.tile([3, 0, 0], (rows, 1)).astype(np.int32)}
    context = np.tile(batch['context_ids'][:1], (rows, 1))
    return batch | {name: tf.constant(v) for name, v in zero.items()} | {'context_ids': tf.constant(context)}


def _log() -> dict:
    """A row for the impressions with and without a click of each title."""
    batch = _two_titles(4)
    values = {
        'shown': np.array([[0, -1, -1], [0, -1, -1], [1, -1, -1], [1, -1, -1]]),
        'click': np.float32([1, 0, 1, 0]),
        'weight': np.float32([40, 360, 15, 85]),
    }
    return batch | {name: tf.constant(value) for name, value in values.items()}


def _oracle() -> tuple[np.ndarray, np.ndarray]:
    """Mode and precision of the weights of the two titles; the last of three weights is that of the ad."""
    base = np.log(CLICKS.sum() / (IMPRESSIONS - CLICKS).sum())
    prior = np.array([ELEMENT_PRIOR_STD, ELEMENT_PRIOR_STD, AD_PRIOR_STD]) ** -2.0

    def loss(weights):
        p = expit(base + weights[:2] + weights[2])
        return -np.sum(CLICKS * np.log(p) + (IMPRESSIONS - CLICKS) * np.log(1 - p)) + prior @ weights**2 / 2

    mode = optimize.minimize(
        loss, np.zeros(3), method='Nelder-Mead', options={'xatol': 1e-7, 'fatol': 1e-9}
    ).x
    p = expit(base + mode[:2] + mode[2])
    return mode[:2], prior[:2] + IMPRESSIONS * p * (1 - p)


def test_draws_have_the_mean_and_deviation_of_the_posterior():
    policy = LinearThompson(TABLES)
    policy.fit([_log()])
    mode, precision = _oracle()
    rows = 20_000
    draws = policy.element_scores(_two_titles(rows)).reshape(rows, 3)
    expected = np.array([*mode, 0.0]), np.array([*precision**-0.5, ELEMENT_PRIOR_STD])
    np.testing.assert_allclose(draws.mean(0), expected[0], atol=5 * ELEMENT_PRIOR_STD / np.sqrt(rows))
    np.testing.assert_allclose(draws.std(0), expected[1], rtol=0.03)
    assert abs(np.corrcoef(draws.T) - np.eye(3)).max() < 0.04


def test_it_chooses_an_element_as_often_as_its_draw_is_the_highest():
    policy = LinearThompson(TABLES, seed=4)
    policy.fit([_log()])
    batch = _two_titles(20_000)
    chosen = policy.choose(batch)
    assert (chosen[:, 1:] == -1).all()
    mode, precision = _oracle()
    means, stds = [*mode, 0.0], [*precision**-0.5, ELEMENT_PRIOR_STD]
    draws = np.random.default_rng(2).normal(means, stds, (200_000, 3))
    expected = np.bincount(draws.argmax(1), minlength=3) / len(draws)
    assert 0.05 < expected.min()
    shares = np.bincount(chosen[:, 0], minlength=3) / len(chosen)
    np.testing.assert_allclose(shares, expected, atol=0.02)
