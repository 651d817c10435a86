"""Sampled combinations: distribution, repeatability, independence of the rest of the batch."""

import numpy as np
import tensorflow as tf
from scipy import stats

from model.batch import index_of
from model.sampling import draw_noise, greedy_combination, sample_combinations
from model.segments import log_softmax

COUNTS = np.array([[3, 0, 2], [1, 4, 0]], np.int32)
LOGITS = np.array([0, 1, -1, 2, 0, 9, 0.5, 0, 0, 1], np.float32)


def _sample(counts, logits, seeds, samples):
    index = index_of(tf.constant(counts))
    noise = draw_noise(index, tf.constant(seeds, tf.int64), samples, 5)
    return sample_combinations(tf.constant(logits), index, noise, 5).numpy()


def test_samples_follow_the_softmax_of_each_component():
    samples = 20_000
    found = _sample(COUNTS, LOGITS, [5, 6], samples)
    assert found.shape == (2, samples, 3)
    index = index_of(tf.constant(COUNTS))
    probability = np.exp(log_softmax(tf.constant(LOGITS), index.segment, 6))
    for ad in range(2):
        for j in range(3):
            inside = probability[(index.ad == ad) & (index.component == j)].astype(float)
            if len(inside) < 2:
                assert (found[ad, :, j] == len(inside) - 1).all()
                continue
            counts = np.bincount(found[ad, :, j], minlength=len(inside))
            assert stats.chisquare(counts, inside / inside.sum() * samples).pvalue > 1e-3
    joint = np.histogram2d(found[0, :, 0], found[0, :, 2], bins=[3, 2])[0]
    assert stats.chi2_contingency(joint).pvalue > 1e-3


def test_each_sample_is_the_arg_max_of_its_noisy_logits():
    index = index_of(tf.constant(COUNTS))
    noise = draw_noise(index, tf.constant([5, 6], tf.int64), 300, 5)
    noisy = (LOGITS - 3)[:, None] + noise.numpy()
    found = sample_combinations(tf.constant(LOGITS - 3), index, noise, 5).numpy()
    for ad in range(2):
        for j in range(3):
            inside = noisy[(index.ad == ad) & (index.component == j)]
            expected = inside.argmax(0) if len(inside) else np.full(300, -1)
            np.testing.assert_array_equal(found[ad, :, j], expected)


def test_a_seed_repeats_its_draw_wherever_the_ad_stands():
    both = _sample(COUNTS, LOGITS, [5, 6], 50)
    turned = _sample(COUNTS[::-1], np.concatenate([LOGITS[5:], LOGITS[:5]]), [6, 5], 50)
    np.testing.assert_array_equal(both, turned[::-1])
    assert (both[0] != _sample(COUNTS, LOGITS, [7, 6], 50)[0]).any()


def test_greedy_takes_the_best_of_each_component():
    found = greedy_combination(tf.constant(LOGITS), index_of(tf.constant(COUNTS))).numpy()
    np.testing.assert_array_equal(found[:, 0], [[1, -1, 0], [0, 3, -1]])
