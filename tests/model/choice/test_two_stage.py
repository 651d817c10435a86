import numpy as np
import pytest
import tensorflow as tf

from model.choice.two_stage import ElementTables, best, generate
from model.config import ModelConfig

ABSENT = -np.inf


def tables() -> ElementTables:
    scores = np.array(
        [[[0.0, 2.0, 1.0], [ABSENT] * 3], [[3.0, ABSENT, ABSENT], [0.0, 0.5, ABSENT]]], np.float32
    )
    weights = np.exp(scores - scores.max(2, keepdims=True, initial=-1e3))
    return ElementTables(
        tf.constant(scores), tf.constant(weights / np.maximum(weights.sum(2, keepdims=True), 1))
    )


@pytest.mark.parametrize('replacement', [True, False])
def test_the_greedy_combination_comes_first_and_absent_components_stay_absent(replacement):
    config = ModelConfig(samples=6, replacement=replacement)
    generated = generate(tables(), tf.constant([3, 4], tf.int64), config).numpy()
    assert generated.shape == (2, 6, 2)
    np.testing.assert_array_equal(generated[:, 0], [[1, -1], [0, 1]])
    assert (generated[0, :, 1] == -1).all() and (generated[1, :, 0] == 0).all()
    assert set(generated[0, :, 0]) <= {0, 1, 2} and set(generated[1, :, 1]) <= {0, 1}


def test_the_best_is_the_first_of_the_highest_logit():
    combinations = tf.constant([[[0, 1], [1, 0], [1, 1]]])
    np.testing.assert_array_equal(best(combinations, tf.constant([[0.1, 0.7, 0.7]])), [[1, 0]])
