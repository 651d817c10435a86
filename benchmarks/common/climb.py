"""A fast search for the best combination, for policies that choose for thousands of ads a day."""

import numpy as np

from model.baselines.policy import Policy
from model.features import packed_batch as keys
from model.features.packed_batch import Batch

_SWEEPS = 2


class Climbing:
    """A policy that searches by coordinate ascent.

    Two sweeps over the components set each component in turn to its best candidate given the others. For
    scores that are nearly sums over components, this finds the same combinations as a wide beam search at a
    hundredth of the cost.

    Args:
        policy: The policy that learns and scores combinations.
    """

    def __init__(self, policy: Policy):
        self._policy = policy
        self.fit = policy.fit
        self.score_combinations = policy.score_combinations

    def choose(self, batch: Batch) -> np.ndarray:
        """The combinations after the last sweep, int64 [B, M]; -1 for components without candidates."""
        counts = np.asarray(batch[keys.COUNTS]).astype(np.int64)
        best = np.where(counts > 0, 0, -1)
        for component in [*range(counts.shape[1])] * _SWEEPS:
            tried = np.repeat(best[:, None], max(counts[:, component].max(), 1), 1)
            # Ads with fewer candidates try their last one repeatedly; the first of equal scores is chosen.
            tried[..., component] = np.minimum(np.arange(tried.shape[1]), counts[:, component, None] - 1)
            scores = self._policy.score_combinations(batch, tried)
            best[:, component] = np.take_along_axis(tried[..., component], scores.argmax(1)[:, None], 1)[:, 0]
        return best
