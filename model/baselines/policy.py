"""The interface of every policy that can be compared: learn from batches, score, choose."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from model.features.packed_batch import Batch


class Policy(Protocol):
    """Learns which elements to show.

    Batches are packed (see `model.features.packed_batch.pack`); a combination is int64 [M], per component a position
    among the ad's candidates, -1 where the ad has none.
    """

    def fit(self, data: Iterable[Batch]) -> None:
        """Learns from batches in the order of time; `data` may be iterated more than once."""

    def score_combinations(self, batch: Batch, combinations: np.ndarray) -> np.ndarray:
        """How good combinations int64 [B, K, M] are, float64 [B, K]; of one ad, the highest is chosen."""

    def choose(self, batch: Batch) -> np.ndarray:
        """The combination to show out of all there are, int64 [B, M]."""
