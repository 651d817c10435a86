"""What holds for every baseline: it finds the best of a world that suits it, and copes with any batch."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from model.baselines import peers
from model.features import packed_batch as keys
from tests.model.baselines.logs import TABLES, World, all_ads
from tests.model.random_batches import TABLES as RANDOM_TABLES
from tests.model.random_batches import random_batch

NAMES = list(peers(TABLES))
LEARNERS = [name for name in NAMES if name != 'uniform']


@pytest.mark.parametrize('name', LEARNERS)
def test_finds_the_best_of_much_data(name):
    world = World()
    policy = peers(TABLES)[name]
    policy.fit(world.log(120_000))
    found = policy.choose(all_ads())
    assert (found == world.best).mean() > 0.8, found


@pytest.mark.parametrize('name', LEARNERS)
def test_given_combinations_are_ranked_as_their_truth(name):
    world = World(spread=0.8)
    policy = peers(TABLES)[name]
    policy.fit(world.log(120_000))
    combinations = np.stack(np.meshgrid(np.arange(4), np.arange(3), indexing='ij'), -1).reshape(1, -1, 2)
    scores = policy.score_combinations(all_ads(), np.repeat(combinations, 12, 0))
    truth = sum(effects[:, combinations[0, :, j]] for j, effects in enumerate(world.effects))
    correlations = [spearmanr(s, t).statistic for s, t in zip(scores, truth, strict=True)]
    assert np.mean(correlations) > 0.8


@pytest.mark.parametrize('name', NAMES)
def test_copes_with_absent_components_and_unseen_ids(name):
    rng = np.random.default_rng(0)
    policy = peers(RANDOM_TABLES)[name]
    policy.fit([random_batch(rng), random_batch(rng)])
    batch = random_batch(rng, ads=30)
    chosen, counts = policy.choose(batch), batch[keys.COUNTS].numpy()
    assert chosen.shape == counts.shape
    assert ((chosen >= 0) == (counts > 0)).all() and (chosen < np.maximum(counts, 1)).all()
    scores = policy.score_combinations(batch, np.stack([chosen, np.where(counts > 0, 0, -1)], 1))
    assert scores.shape == (30, 2) and np.isfinite(scores).all()


@pytest.mark.parametrize('name', LEARNERS)
def test_choice_has_the_highest_score(name):
    policy = peers(TABLES)[name]
    policy.fit(World().log(3000))
    combinations = np.stack(np.meshgrid(np.arange(4), np.arange(3), indexing='ij'), -1).reshape(1, -1, 2)
    combinations = np.repeat(combinations, 12, 0)
    chosen = policy.score_combinations(all_ads(), policy.choose(all_ads())[:, None])
    np.testing.assert_allclose(
        chosen[:, 0], policy.score_combinations(all_ads(), combinations).max(1), rtol=1e-5, atol=1e-6
    )


def test_uniform_chooses_all_equally_often_and_prefers_none():
    policy = peers(TABLES)['uniform']
    chosen = np.stack([policy.choose(all_ads()) for _ in range(500)])
    for j, n in enumerate((4, 3)):
        np.testing.assert_allclose(np.bincount(chosen[..., j].ravel()) / 6000, 1 / n, atol=0.03)
    assert (policy.score_combinations(all_ads(), np.zeros([12, 5, 2], int)) == 0).all()
