"""A cheap search for the best combination, for policies that are asked for thousands of ads a day."""

import numpy as np

from model.baselines.policy import Policy
from model.features import packed_batch as keys
from model.features.packed_batch import Batch

_SWEEPS = 2


class Climbing:
    """A policy whose combinations are found by coordinates: each component in turn takes its best candidate
    given the rest, twice over.

    For scores that are close to sums over components this finds what a wide beam finds, at a hundredth of
    the cost.

    Args:
        policy: gives the scores, and learns.
    """

    def __init__(self, policy: Policy):
        self._policy = policy
        self.fit = policy.fit
        self.score_combinations = policy.score_combinations

    def choose(self, batch: Batch) -> np.ndarray:
        """The combination that no sweep improves further, int64 [B, M]."""
        counts = np.asarray(batch[keys.COUNTS]).astype(np.int64)
        best = np.where(counts > 0, 0, -1)
        for component in [*range(counts.shape[1])] * _SWEEPS:
            tried = np.repeat(best[:, None], max(counts[:, component].max(), 1), 1)
            # Beyond an ad's candidates its last one is tried again; of equals the first is taken.
            tried[..., component] = np.minimum(np.arange(tried.shape[1]), counts[:, component, None] - 1)
            scores = self._policy.score_combinations(batch, tried)
            best[:, component] = np.take_along_axis(tried[..., component], scores.argmax(1)[:, None], 1)[:, 0]
        return best
