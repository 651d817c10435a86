"""The uniform policy, which learns nothing."""

from collections.abc import Iterable

import numpy as np

from model.baselines.additive import AdditivePolicy
from model.features import packed_batch as keys
from model.features.packed_batch import Batch


class Uniform(AdditivePolicy):
    """Chooses every element with the same probability.

    Args:
        seed: The random seed of the draws.
    """

    def __init__(self, seed: int = 1):
        self._rng = np.random.default_rng(seed)

    def fit(self, data: Iterable[Batch]) -> None:
        """Learns nothing."""

    def element_scores(self, batch: Batch) -> np.ndarray:
        return self._rng.random(len(batch[keys.ELEMENTS]))

    def score_combinations(self, batch: Batch, combinations: np.ndarray) -> np.ndarray:
        """Returns the same score for every combination."""
        return np.zeros(combinations.shape[:2])
