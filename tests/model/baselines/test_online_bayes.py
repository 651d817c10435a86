"""Single steps, by hand and in the limit."""

import numpy as np
import pytest

from model.baselines import OnlineBayes, PoissonRidge
from model.baselines.online_bayes import AD_PRIOR_STD, ELEMENT_PRIOR_STD
from model.features import packed_batch as keys
from tests.model.baselines.logs import TABLES, World, all_ads, batch_of


def test_steps_by_hand():
    policy = OnlineBayes(TABLES)
    batch = batch_of([0, 0], [[1, 2], [1, 0]], [1, 0], [1, 30])
    policy.fit([batch])
    scores = policy.element_scores(batch)[:7]
    base = np.log(1 / 30)
    p = 1 / (1 + np.exp(-base))
    element, ad = ELEMENT_PRIOR_STD**-2 + p * (1 - p), AD_PRIOR_STD**-2 + p * (1 - p)
    after = (1 - p) / element, (1 - p) / ad
    p = 1 / (1 + np.exp(-base - after[0] - after[1]))
    title = after[0] - 30 * p / (element + 30 * p * (1 - p))
    image = -30 * p / (ELEMENT_PRIOR_STD**-2 + 30 * p * (1 - p))
    assert scores == pytest.approx([0, title, 0, 0, image, 0, after[0]])


def test_is_near_the_ridge_that_has_the_same_priors():
    world = World(spread=0.12)
    online, ridge = OnlineBayes(TABLES), PoissonRidge(TABLES)
    data = world.log(20_000)
    online.fit(data), ridge.fit(data)
    scores = [policy.element_scores(all_ads()) for policy in (online, ridge)]
    assert np.corrcoef(scores)[0, 1] > 0.9
    assert len(scores[0]) == len(all_ads()[keys.ELEMENTS])
