"""Prior variances that are recovered from what was drawn with them, and posteriors by hand."""

import numpy as np
import pytest

from model.baselines import ElementEmpiricalBayes, PackageEmpiricalBayes
from model.baselines.empirical_bayes import _SMALLEST_VARIANCE, _prior_variance
from model.baselines.shown_elements import Shown
from model.features import packed_batch as keys
from tests.model.baselines.logs import TABLES, batch_of


def _drawn(variance: float, impressions: int, ads: int = 4000, parts: int = 5) -> tuple[Shown, np.ndarray]:
    rng = np.random.default_rng(0)
    ctr = rng.uniform(0.01, 0.03, ads)[:, None]
    relative = rng.gamma(1 / variance, variance, [ads, parts]) if variance else np.ones([ads, parts])
    clicks = rng.poisson(impressions * ctr * relative).ravel().astype(float)
    ad = np.repeat(np.arange(ads), parts)
    part = np.arange(ads * parts)
    return Shown(ad, part[:, None], clicks, np.full(ads * parts, float(impressions))), part


@pytest.mark.parametrize('impressions', [60, 1000])
@pytest.mark.parametrize('variance', [0.02, 0.2])
def test_prior_variance_is_recovered(variance, impressions):
    assert _prior_variance(*_drawn(variance, impressions)) == pytest.approx(variance, rel=0.35, abs=0.01)


def test_without_variance_everything_is_shrunk_to_the_ad():
    assert _prior_variance(*_drawn(0.0, 1000)) < 2e-3
    one_part_per_ad = _drawn(0.1, 1000, parts=1)
    assert _prior_variance(*one_part_per_ad) == _SMALLEST_VARIANCE


def test_more_impressions_are_shrunk_less():
    batch = batch_of(
        [0, 0, 0, 0, 0, 0, 0, 0],
        [[0, 0], [0, 0], [1, 0], [1, 0], [2, 0], [2, 0], [3, 0], [3, 0]],
        [1, 0, 1, 0, 1, 0, 1, 0],
        [2, 8, 200, 800, 100, 1400, 100, 1400],
    )
    policy = PackageEmpiricalBayes(TABLES)
    policy.fit([batch])
    request = {name: batch[name][:1] for name in (keys.CONTEXT_IDS, keys.COUNTS)}
    request[keys.ELEMENTS] = batch[keys.ELEMENTS][:7]
    few, many, low, _ = policy.score_combinations(request, np.array([[[0, 0], [1, 0], [2, 0], [3, 0]]]))[0]
    assert many > few > 1 > low
    assert policy.score_combinations(request, np.array([[[0, 1]]])) == 1


def test_elements_learn_from_all_ads_that_share_them():
    """Two ads show the same elements, one of low and one of high CTR; the element's share counts."""
    ad, shown = [0] * 4 + [1] * 4, [[0, 0], [0, 0], [1, 0], [1, 0]] * 2
    batch = batch_of(ad, shown, [1, 0] * 4, [30, 970, 10, 990, 300, 700, 100, 900])
    batch[keys.ELEMENTS] = np.tile(batch[keys.ELEMENTS][:7], 8)
    policy = ElementEmpiricalBayes(TABLES)
    policy.fit([batch])
    first, second, unseen, _ = policy.element_scores(batch)[:4]
    assert np.exp([first, second]) == pytest.approx([1.5, 0.5], abs=0.05)
    assert unseen == 0
