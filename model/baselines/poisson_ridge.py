"""Ridge regression of click counts on ids, solved to convergence."""

from collections.abc import Iterable

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
        columns = np.concatenate([shown.elements, elements + shown.ad[:, None]], 1)
        row, slot = np.nonzero(columns >= 0)
        used, column = np.unique(columns[row, slot], return_inverse=True)
        design = scipy.sparse.csr_array((np.ones(len(row)), (row, column)))
        effects = _solve(design, shown, np.where(used < elements, ELEMENT_PRIOR_STD, AD_PRIOR_STD))
        self._scores = np.zeros(elements)
        self._scores[used[used < elements]] = effects[used < elements]


def _solve(design: scipy.sparse.csr_array, shown: Shown, prior_std: np.ndarray) -> np.ndarray:
    """Returns the effects; the search is well conditioned because it uses units of prior std deviations."""
    base = shown.impressions * (shown.clicks.sum() / shown.impressions.sum())
    scaled = (design * prior_std).tocsr()
    transposed = scaled.T.tocsr()

    def loss_and_gradient(effects: np.ndarray) -> tuple[float, np.ndarray]:
        eta = scaled @ effects
        expected = base * np.exp(eta)
        loss = np.sum(expected - shown.clicks * eta) + effects @ effects / 2
        return loss, transposed @ (expected - shown.clicks) + effects

    start = np.zeros(len(prior_std))
    method = {'method': 'L-BFGS-B', 'jac': True, 'options': {'maxiter': 1000, 'maxfun': 2000}}
    # With vectors this short, more threads only wait for each other: up to 30 times slower on a busy machine.
    with threadpool_limits(1, 'blas'):
        found = scipy.optimize.minimize(loss_and_gradient, start, **method)
    return found.x * prior_std
