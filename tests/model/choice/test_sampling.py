"""Sampled combinations: distribution, repeatability, independence of the rest of the batch."""

from collections import Counter
from itertools import permutations

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

from model.choice.sampling import (
    draw_noise,
    greedy_combination,
    sample_combinations,
    sample_distinct_combinations,
    uniform_combinations,
)

COUNTS = np.array([[3, 0, 2], [1, 4, 0]], np.int32)
PRESENT = np.arange(4) < COUNTS[..., None]
PROBABILITY = np.where(
    PRESENT,
    [
        [[0.2, 0.7, 0.1, 0], [0, 0, 0, 0], [0.9, 0.1, 0, 0]],
        [[1, 0, 0, 0], [0.1, 0.3, 0.05, 0.55], [0, 0, 0, 0]],
    ],
    0,
).astype(np.float32)


def _noise(seeds, samples):
    return draw_noise(tf.constant(seeds, tf.int64), 3, samples)


def _assert_follows(found, probability):
    samples = found.shape[1]
    for ad, j in np.ndindex(probability.shape[:2]):
        inside = probability[ad, j][probability[ad, j] > 0].astype(float)
        if len(inside) < 2:
            assert (found[ad, :, j] == len(inside) - 1).all()
            continue
        counts = np.bincount(found[ad, :, j], minlength=len(inside))
        assert stats.chisquare(counts, inside / inside.sum() * samples).pvalue > 1e-3


def test_samples_follow_the_probabilities_and_components_are_independent():
    found = sample_combinations(tf.constant(PROBABILITY), _noise([5, 6], 20_000)).numpy()
    assert found.shape == (2, 20_000, 3)
    _assert_follows(found, PROBABILITY)
    joint = np.histogram2d(found[0, :, 0], found[0, :, 2], bins=[3, 2])[0]
    assert stats.chi2_contingency(joint).pvalue > 1e-3


def test_a_graph_need_not_know_the_number_of_candidates():
    probability, noise = tf.constant(PROBABILITY), _noise([5, 6], 50)
    spec = [tf.TensorSpec([None, None, None]), tf.TensorSpec([None, 3, 50])]
    found = tf.function(sample_combinations, input_signature=spec)(probability, noise)
    np.testing.assert_array_equal(found, sample_combinations(probability, noise))


def _probability_of_order(chances, order):
    """Of drawing `order` without replacement: each with its share of what is left."""
    left, probability = 1.0, 1.0
    for combination in order:
        probability *= chances[combination] / left
        left -= chances[combination]
    return probability


def test_distinct_samples_follow_the_probabilities_without_replacement():
    seeds = tf.range(20_000, dtype=tf.int64)
    found = sample_distinct_combinations(tf.repeat(PROBABILITY[:1], 20_000, 0), seeds, 2).numpy()
    chances = {
        (title, button): float(PROBABILITY[0, 0, title] * PROBABILITY[0, 2, button])
        for title in range(3)
        for button in range(2)
    }
    drawn = Counter(tuple((row[0], row[2]) for row in map(tuple, ad)) for ad in found.tolist())
    pairs = list(permutations(chances, 2))
    assert set(drawn) <= set(pairs)
    assert (found[:, :, 1] == -1).all()
    whole = sum(chances.values())  # 1 but for the rounding of float32
    chances = {combination: chance / whole for combination, chance in chances.items()}
    expected = np.array([_probability_of_order(chances, pair) for pair in pairs])
    counts = np.array([drawn[pair] for pair in pairs])
    often = expected * 20_000 > 5
    grouped = (np.append(x[often], x[~often].sum()) for x in (counts, expected * 20_000))
    assert stats.chisquare(*grouped).pvalue > 1e-3


@given(
    npst.arrays(np.float32, (2, 3, 4), elements=st.sampled_from([0, 0.125, 0.5, 1])),
    st.integers(1, 20),
    st.integers(-(2**62), 2**62),
)
@settings(max_examples=30, deadline=None)
def test_distinct_samples_differ_until_there_are_no_more(weights, samples, seed):
    total = weights.sum(2, keepdims=True)
    probability = np.where(total > 0, weights / np.maximum(total, 1e-9), 0).astype(np.float32)
    both = tf.constant([seed, seed + 1], tf.int64)
    found = sample_distinct_combinations(tf.constant(probability), both, samples).numpy()
    assert found.shape == (2, samples, 3)
    for ad in range(2):
        possible = int(np.prod(np.maximum((probability[ad] > 0).sum(1), 1)))
        drawn = [tuple(row) for row in found[ad]]
        assert len(set(drawn)) == min(samples, possible)
        for j in range(3):
            absent = probability[ad, j].sum() == 0
            assert all(row[j] == -1 if absent else probability[ad, j, row[j]] > 0 for row in drawn)
    alone = sample_distinct_combinations(tf.constant(probability[1:]), both[1:], samples)
    np.testing.assert_array_equal(alone[0], found[1])


def test_uniform_combinations_follow_equal_probabilities():
    found = uniform_combinations(tf.constant(COUNTS), _noise([5, 6], 20_000)).numpy()
    _assert_follows(found, PRESENT / np.maximum(COUNTS, 1)[..., None])


@given(
    npst.arrays(np.float32, (1, 2, 5), elements=st.sampled_from([0, 2**-20, 0.125, 0.25, 1])),
    npst.arrays(np.float32, (1, 2, 3), elements=st.sampled_from([2**-24, 0.25, 0.5, 1 - 2**-24])),
)
def test_drawn_is_the_first_that_reaches_the_noise_and_never_one_without_probability(probability, noise):
    found = sample_combinations(tf.constant(probability), tf.constant(noise)).numpy()
    for k, j in np.ndindex(3, 2):
        inside = probability[0, j].astype(float)
        if inside.sum() == 0:
            assert found[0, k, j] == -1
            continue
        before = inside.cumsum() < np.float32(noise[0, j, k] * inside.sum())
        assert found[0, k, j] == before.sum()
        assert inside[found[0, k, j]] > 0


@given(st.integers(1, 15), st.sampled_from([2**-24, 0.2, 1 / 3, 0.5, 1 - 2**-24]))
def test_uniform_choice_is_a_candidate_at_both_ends_of_the_noise(count, noise):
    found = uniform_combinations(tf.constant([[count, 0]]), tf.fill([1, 2, 1], np.float32(noise))).numpy()
    assert 0 <= found[0, 0, 0] < count
    assert found[0, 0, 1] == -1


def test_a_seed_repeats_its_draw_wherever_the_ad_stands():
    both = sample_combinations(tf.constant(PROBABILITY), _noise([5, 6], 50)).numpy()
    turned = sample_combinations(tf.constant(PROBABILITY[::-1]), _noise([6, 5], 50)).numpy()
    np.testing.assert_array_equal(both, turned[::-1])
    assert (both[0] != sample_combinations(tf.constant(PROBABILITY), _noise([7, 6], 50))[0]).numpy().any()


def test_greedy_takes_the_first_of_the_best_of_each_component():
    scores = np.where(PRESENT, np.float32([1, 3, 3, 0]), -np.inf).astype(np.float32)
    found = greedy_combination(tf.constant(scores)).numpy()
    np.testing.assert_array_equal(found[:, 0], [[1, -1, 1], [0, 1, -1]])
