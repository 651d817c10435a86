"""The interface of all policies that are compared: they learn from batches, score and choose."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from model.features.packed_batch import Batch


class Policy(Protocol):
    """A policy that learns which elements to show.

    Batches are packed (see `model.features.packed_batch.pack`). A combination is int64 [M]: for each component
    a position among the candidates of the ad, or -1 where the ad has none.
    """

    def fit(self, data: Iterable[Batch]) -> None:
        """Learns from batches in chronological order; `data` may be iterated more than once."""

    def score_combinations(self, batch: Batch, combinations: np.ndarray) -> np.ndarray:
        """Scores combinations, int64 [B, K, M], as float64 [B, K]; the highest of an ad is chosen."""

    def choose(self, batch: Batch) -> np.ndarray:
        """Returns the combination to show, chosen from all combinations of each ad, int64 [B, M]."""
