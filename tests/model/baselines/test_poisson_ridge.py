"""The maximum a posteriori, by the gradient at it and against scikit-learn's."""

import numpy as np
import pytest

from model.baselines import PoissonRidge
from model.baselines.online_bayes import AD_PRIOR_STD, ELEMENT_PRIOR_STD
from model.baselines.shown_elements import Shown
from tests.model.baselines.logs import ADS, CANDIDATES, TABLES, World, all_ads


def test_is_the_solution_of_scikit_learn():
    linear_model = pytest.importorskip('sklearn.linear_model', reason='scikit-learn is not installed')
    data = World().log(30_000)
    policy = PoissonRidge(TABLES)
    policy.fit(data)
    shown = Shown.combinations(data, TABLES)
    elements = ADS * sum(CANDIDATES)
    design = np.zeros([len(shown.ad), elements + ADS])
    np.put_along_axis(design, shown.elements, ELEMENT_PRIOR_STD, 1)
    design[np.arange(len(shown.ad)), elements + shown.ad - TABLES.ids['user_id']] = AD_PRIOR_STD
    # Its loss is the weighted mean of y - rate log y plus alpha/2 ||w||^2, with weights n and y = c / n.
    rate = shown.clicks.sum() / shown.impressions.sum()
    model = linear_model.PoissonRegressor(
        alpha=1 / (shown.impressions * rate).sum(), fit_intercept=False, tol=1e-9, max_iter=10_000
    )
    model.fit(design, shown.clicks / shown.impressions / rate, sample_weight=shown.impressions * rate)
    expected = model.coef_[:elements] * ELEMENT_PRIOR_STD
    found = policy.element_scores(all_ads())
    rows = all_ads()['elements'].numpy()
    np.testing.assert_allclose(found, expected[rows], atol=1e-3)
