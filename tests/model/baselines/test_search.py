"""Beam search, against trying everything."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from model.baselines.search import best_combinations


class _Table:
    """Any score at all: a table over combinations, with effects of pairs."""

    def __init__(self, counts, pairs, seed=0):
        rng = np.random.default_rng(seed)
        top = counts.max()
        self.single = rng.normal(size=[*counts.shape, top + 1])
        self.pair = pairs * rng.normal(size=[len(counts), top + 1, top + 1])

    def score_combinations(self, batch, combinations):
        found = np.zeros(combinations.shape[:2])
        for i, j in itertools.product(range(len(combinations)), range(combinations.shape[2])):
            found[i] += self.single[i, j, combinations[i, :, j]]
        for i in range(len(combinations)):
            found[i] += self.pair[i, combinations[i, :, 0], combinations[i, :, -1]]
        return found


def _best(policy, counts):
    found = []
    for i, row in enumerate(counts):
        options = [range(n) if n else [-1] for n in row]
        every = np.array(list(itertools.product(*options)))
        tiled = np.repeat(every[None], len(counts), 0)
        found.append(every[policy.score_combinations({}, tiled)[i].argmax()])
    return np.array(found)


@pytest.mark.parametrize('seed', range(4))
def test_is_exact_for_few_combinations_and_any_interaction(seed):
    counts = np.array([[3, 0, 4], [4, 4, 4], [1, 1, 1], [0, 0, 2], [2, 4, 4]])
    policy = _Table(counts, pairs=3.0, seed=seed)
    found = best_combinations(policy, {'counts': tf.constant(counts)})
    np.testing.assert_array_equal(found, _best(policy, counts))


def test_is_exact_for_sums_over_many_combinations():
    counts = np.array([[6, 7, 5, 4], [8, 8, 2, 3]])
    policy = _Table(counts, pairs=0.0)
    found = best_combinations(policy, {'counts': tf.constant(counts)})
    np.testing.assert_array_equal(found, _best(policy, counts))
