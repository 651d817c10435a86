"""Linear Thompson sampling: Bayesian logistic regression on ids, whose weights are drawn for every request."""

from collections.abc import Iterable

import numpy as np
import scipy.optimize
from scipy.special import expit
from threadpoolctl import threadpool_limits

from model.baselines.additive import ScoreTable
from model.baselines.online_bayes import AD_PRIOR_STD, ELEMENT_PRIOR_STD
from model.baselines.shown_elements import Shown
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch


class LinearThompson(ScoreTable):
    """Fits log-odds of a click = log-odds of the average CTR + ad + sum of elements, and draws the elements.

    The posterior of each weight is a normal distribution around the mode with the precision

        1 / prior variance + sum over its impressions of p (1 - p)

    which is Laplace's approximation without correlations (Chapelle and Li 2011, algorithm 3, with all
    impressions as one batch). Element weights are shared by all ads. The priors are N(0, 0.12^2) for elements and
    N(0, 0.6^2) for ads. Scores are drawn anew in every call, so `choose` is Thompson sampling.

    Args:
        tables: The feature tables of the batches.
        seed: The seed of the draws.
    """

    def __init__(self, tables: FeatureTables, seed: int = 1):
        super().__init__(tables)
        self._random = np.random.default_rng(seed)

    def fit(self, data: Iterable[Batch]) -> None:
        shown = Shown.combinations(data, self._tables)
        elements = self._tables.element_rows
        used, design = shown.indicators(elements)
        prior = np.where(used < elements, ELEMENT_PRIOR_STD, AD_PRIOR_STD) ** -2.0
        mode, precision = _posterior(design, shown.clicks, shown.impressions, prior)
        of_elements = used < elements
        self._scores, self._stds = np.zeros(elements), np.full(elements, ELEMENT_PRIOR_STD)
        self._scores[used[of_elements]] = mode[of_elements]
        self._stds[used[of_elements]] = precision[of_elements] ** -0.5

    def element_scores(self, batch: Batch) -> np.ndarray:
        rows = np.asarray(batch[keys.ELEMENTS])
        return self._scores[rows] + self._stds[rows] * self._random.standard_normal(len(rows))


def _posterior(
    design, clicks: np.ndarray, impressions: np.ndarray, prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The mode of the posterior and the diagonal of its Hessian, float64 [P] each.

    Args:
        design: Zeros and ones, sparse [R, P].
        clicks, impressions: The numbers of each row, float64 [R].
        prior: The prior precisions, float64 [P].
    """
    ctr = clicks.sum() / impressions.sum()
    base, transposed = np.log(ctr / (1 - ctr)), design.T.tocsr()

    def loss_and_gradient(scaled: np.ndarray) -> tuple[float, np.ndarray]:
        weights = scaled / np.sqrt(prior)
        logit = base + design @ weights
        loss = impressions @ np.logaddexp(0, logit) - clicks @ logit + scaled @ scaled / 2
        gradient = transposed @ (impressions * expit(logit) - clicks)
        return loss, gradient / np.sqrt(prior) + scaled

    method = {'method': 'L-BFGS-B', 'jac': True, 'options': {'maxiter': 1000, 'maxfun': 2000}}
    with threadpool_limits(1, 'blas'):
        found = scipy.optimize.minimize(loss_and_gradient, np.zeros(len(prior)), **method)
    mode = found.x / np.sqrt(prior)
    predicted = expit(base + design @ mode)
    return mode, prior + transposed @ (impressions * predicted * (1 - predicted))
