"""Stores the impressions seen in training compactly: the shown elements, the clicks and the exposure."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from model.features.content_keys import NO_KEY
from model.features.feature_tables import FeatureTables


@dataclass(frozen=True)
class Impressions:
    """R logged impressions.

    Attributes:
        ad: The rows of the ad biases, int32 [R].
        combination: The rows of the combination biases, int32 [R].
        shown: The rows of the shown elements, int32 [R, M], -1 where there is none.
        offset: The logit of a click without the additive effects, float32 [R].
        click, weight: The click (0 or 1) and the weight of each impression, float32 [R].
        categories: The values of the category features of the context, int32 [R, F].
    """

    ad: np.ndarray
    combination: np.ndarray
    shown: np.ndarray
    offset: np.ndarray
    click: np.ndarray
    weight: np.ndarray
    categories: np.ndarray

    @classmethod
    def joined(cls, parts: list['Impressions']) -> 'Impressions':
        """The rows of all parts, in their order."""
        return cls(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
        )


@dataclass
class TrainingImpressions:
    """Collects impressions, and the exposure and subwords of their elements, batch by batch.

    Args:
        tables: The feature tables of the batches.
        limit: The number of newest impressions to keep, rounded up to whole batches.

    Attributes:
        exposure: The total weight with which policies other than GenCO models showed each element,
            float64 [rows].
        chance: The total weight with which a uniform policy would have shown it, float64 [rows].
        component: The component of each element, int64 [rows], -1 where it was never a candidate.
        key: The key of each element (`model.features.content_keys`), int64 [rows], -1 where it has none.
    """

    tables: FeatureTables
    limit: int
    exposure: np.ndarray = field(init=False)
    chance: np.ndarray = field(init=False)
    component: np.ndarray = field(init=False)
    key: np.ndarray = field(init=False)

    def __post_init__(self):
        self.clear()

    def clear(self) -> None:
        """Removes all impressions."""
        rows = self.tables.element_rows
        self.exposure, self.chance = np.zeros(rows), np.zeros(rows)
        self.component, self.key = np.full(rows, -1), np.full(rows, NO_KEY)
        self._parts: deque[Impressions] = deque()
        self._kept = 0
        self._subwords: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._has_subwords = np.zeros(rows, bool)

    def add(
        self,
        ad: np.ndarray,
        combination: np.ndarray,
        offset: np.ndarray,
        click: np.ndarray,
        weight: np.ndarray,
        chosen_by_genco: np.ndarray,
        shown: np.ndarray,
        counts: np.ndarray,
        elements: np.ndarray,
        subwords: np.ndarray | None = None,
        subwords_per_element: np.ndarray | None = None,
        element_keys: np.ndarray | None = None,
        categories: np.ndarray | None = None,
    ) -> None:
        """Adds a packed batch (see `model.features.packed_batch.pack`).

        Subwords are read if the logs have texts, and keys if a catalogue describes elements. `categories` are
        the values of the category features of the context, int64 [B, F].
        """
        start = (np.cumsum(counts) - counts.ravel()).reshape(counts.shape)
        present = shown >= 0
        place = np.where(present, start + shown, 0)
        rows = np.where(present, elements[place], -1)
        ads, combinations, shown_rows = (values.astype(np.int32) for values in (ad, combination, rows))
        kept = np.zeros((len(ad), 0)) if categories is None else categories
        parts = ads, combinations, shown_rows, offset, click, weight, kept.astype(np.int32)
        self._parts.append(Impressions(*parts))
        self._kept += len(ad)
        while self._kept - len(self._parts[0].ad) >= self.limit:
            self._kept -= len(self._parts.popleft().ad)
        self._count(elements, counts, weight * (1 - chosen_by_genco), rows[present], np.nonzero(present)[0])
        if self.tables.content:
            self.key[elements] = element_keys
        if self.tables.subwords:
            self._note_subwords(rows[present], place[present], subwords, subwords_per_element)

    def impressions(self) -> Impressions:
        """Returns the newest impressions in the order in which they were added."""
        return Impressions.joined(list(self._parts))

    def subwords(self) -> sparse.csr_matrix:
        """Returns 1 / sqrt(n) at [element, subword] for the n subwords of each element that was shown."""
        shape = (self.tables.element_rows, sum(self.tables.subwords.values()))
        if not self._subwords:
            return sparse.csr_matrix(shape)
        rows, columns, values = (np.concatenate(part) for part in zip(*self._subwords))
        return sparse.csr_matrix((values, (rows, columns)), shape)

    def _count(self, elements, counts, weight, shown, ads) -> None:
        segments = counts.ravel()
        of_ad = np.repeat(weight, counts.shape[1])
        self.component[elements] = np.repeat(np.tile(np.arange(counts.shape[1]), len(counts)), segments)
        np.add.at(self.chance, elements, np.repeat(of_ad / np.maximum(segments, 1), segments))
        np.add.at(self.exposure, shown, weight[ads])

    def _note_subwords(self, rows, places, subwords, subwords_per_element) -> None:
        rows, first = np.unique(rows, return_index=True)
        new = ~self._has_subwords[rows]
        rows, places = rows[new], places[first[new]]
        self._has_subwords[rows] = True
        lengths = subwords_per_element[places]
        begin = (np.cumsum(subwords_per_element) - subwords_per_element)[places]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        columns = subwords[np.repeat(begin, lengths) + within]
        self._subwords.append(
            (np.repeat(rows, lengths), columns, np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths))
        )
