"""Policies whose score of a combination is the sum of its elements' scores."""

from abc import ABC, abstractmethod

import numpy as np

from model.baselines.shown_elements import chosen_values
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch


class AdditivePolicy(ABC):
    """Base class: a subclass learns in `fit` and implements `element_scores`."""

    @abstractmethod
    def element_scores(self, batch: Batch) -> np.ndarray:
        """Returns a score per packed element, float64 [T], comparable within one ad and component."""

    def score_combinations(self, batch: Batch, combinations: np.ndarray) -> np.ndarray:
        return chosen_values(self.element_scores(batch), batch, combinations, 0.0).sum(2)

    def choose(self, batch: Batch) -> np.ndarray:
        """Returns the best element of each component, the first one in a tie, int64 [B, M]."""
        counts = np.asarray(batch[keys.COUNTS])
        scores = self.element_scores(batch)
        table = np.full([*counts.shape, counts.max()], -np.inf)
        table[np.arange(counts.max()) < counts[..., None]] = scores
        return np.where(counts > 0, table.argmax(2), -1)


class ScoreTable(AdditivePolicy):
    """Base class: `fit` stores one score per row of the element table in `_scores`, float64 [rows].

    Args:
        tables: The feature tables of the batches.
    """

    _scores: np.ndarray

    def __init__(self, tables: FeatureTables):
        self._tables = tables

    def element_scores(self, batch: Batch) -> np.ndarray:
        return self._scores[np.asarray(batch[keys.ELEMENTS])]


def ad_of_elements(batch: Batch) -> np.ndarray:
    """Returns the position in the batch of the ad of each packed element, int64 [T]."""
    counts = np.asarray(batch[keys.COUNTS])
    return np.repeat(np.arange(len(counts)), counts.sum(1))
