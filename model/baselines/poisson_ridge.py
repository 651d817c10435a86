"""Ridge regression of click counts on ids, solved to convergence."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import scipy.optimize
import scipy.sparse
from threadpoolctl import threadpool_limits

from model.baselines.additive import ScoreTable
from model.baselines.online_bayes import AD_PRIOR_STD, ELEMENT_PRIOR_STD
from model.baselines.shown_elements import Shown
from model.features.packed_batch import Batch


class PoissonRidge(ScoreTable):
    """Maximum a posteriori fit of log CTR = intercept + ad + sum of elements to counts of combinations.

    With n impressions and c clicks of a combination and eta = log of the average CTR + x b, it minimises

        sum(n exp(eta) - c eta) + sum(b^2 / (2 prior variance))

    Element effects are shared by all ads. The priors are N(0, 0.12^2) for elements and N(0, 0.6^2) for ads.
    """

    def fit(self, data: Iterable[Batch]) -> None:
        shown = Shown.combinations(data, self._tables)
        elements = self._tables.element_rows
        used, design = shown.indicators(elements)
        std = np.where(used < elements, ELEMENT_PRIOR_STD, AD_PRIOR_STD)
        effects = posterior_mode(_Indicators(design), shown.clicks, shown.impressions, std)
        self._scores = np.zeros(elements)
        self._scores[used[used < elements]] = effects[used < elements]


class Design(Protocol):
    """A linear map X from P effects to the logs of the CTRs of R groups of impressions."""

    def effect(self, effects: np.ndarray) -> np.ndarray:
        """X b, float64 [R], for effects float64 [P]."""

    def sums(self, per_group: np.ndarray) -> np.ndarray:
        """X' v, float64 [P], for values float64 [R]."""


def posterior_mode(
    design: Design, clicks: np.ndarray, impressions: np.ndarray, prior_std: np.ndarray
) -> np.ndarray:
    """The effects that minimise the loss of `PoissonRidge`, float64 [P].

    The search is well conditioned because it uses units of prior standard deviations.

    Args:
        design: The map from effects to logs of CTRs.
        clicks, impressions: The numbers of each group, float64 [R].
        prior_std: The prior standard deviation of each effect, float64 [P].
    """
    base = impressions * (clicks.sum() / impressions.sum())

    def loss_and_gradient(scaled: np.ndarray) -> tuple[float, np.ndarray]:
        eta = design.effect(prior_std * scaled)
        expected = base * np.exp(eta)
        loss = np.sum(expected - clicks * eta) + scaled @ scaled / 2
        return loss, prior_std * design.sums(expected - clicks) + scaled

    start = np.zeros(len(prior_std))
    method = {'method': 'L-BFGS-B', 'jac': True, 'options': {'maxiter': 1000, 'maxfun': 2000}}
    # With vectors this short, more threads only wait for each other: up to 30 times slower on a busy machine.
    with threadpool_limits(1, 'blas'):
        found = scipy.optimize.minimize(loss_and_gradient, start, **method)
    return found.x * prior_std


class _Indicators:
    """A design of ones and zeros.

    Args:
        matrix: X [R, P].
    """

    def __init__(self, matrix: scipy.sparse.csr_array):
        self._matrix, self._transposed = matrix.tocsr(), matrix.T.tocsr()

    def effect(self, effects: np.ndarray) -> np.ndarray:
        return self._matrix @ effects

    def sums(self, per_group: np.ndarray) -> np.ndarray:
        return self._transposed @ per_group
