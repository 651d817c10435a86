"""Reads from packed batches, as numpy arrays, what was shown, how often, and how often it was clicked."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse

from creative_logs.schema import CLICK, WEIGHT
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch


def ad_rows(batch: Batch, tables: FeatureTables) -> np.ndarray:
    """Returns the row of each ad in the context table, int64 [B]."""
    return np.asarray(batch[keys.CONTEXT_IDS])[:, list(tables.ids).index(tables.ad)]


def starts(batch: Batch) -> np.ndarray:
    """Returns the place of the first packed element of each ad and component, int64 [B, M]."""
    counts = np.asarray(batch[keys.COUNTS])
    return (np.cumsum(counts) - counts.ravel()).reshape(counts.shape)


def chosen_values(values: np.ndarray, batch: Batch, combinations: np.ndarray, absent: float) -> np.ndarray:
    """Returns the values of the elements of combinations, [B, K, M] like `combinations`.

    Args:
        values: One value per packed element, [T].
        batch: A batch of B ads.
        combinations: Positions among the candidates, int64 [B, K, M], -1 where a component is absent.
        absent: The value for an absent component.
    """
    present = combinations >= 0
    place = np.where(present, starts(batch)[:, None] + combinations, 0)
    return np.where(present, values[place], absent)


def element_rows(batch: Batch, combinations: np.ndarray) -> np.ndarray:
    """Returns the element table rows of combinations, int64 [B, K, M], -1 where a component is absent."""
    return chosen_values(np.asarray(batch[keys.ELEMENTS]), batch, combinations, -1)


@dataclass(frozen=True)
class Shown:
    """The elements shown in R impressions, or groups of impressions, and their clicks.

    Attributes:
        ad: The row of the ad, int64 [R].
        elements: The rows of the shown elements, int64 [R, M], -1 where a component is absent.
        clicks, impressions: The numbers of clicks and of impressions, float64 [R].
    """

    ad: np.ndarray
    elements: np.ndarray
    clicks: np.ndarray
    impressions: np.ndarray

    @classmethod
    def rows(cls, data: Iterable[Batch], tables: FeatureTables) -> Self:
        """Returns one row per example, in the order of the examples."""
        parts = [_rows_of(batch, tables) for batch in data]
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    @classmethod
    def combinations(cls, data: Iterable[Batch], tables: FeatureTables) -> Self:
        """Returns one row per ad and combination that was shown."""
        rows = cls.rows(data, tables)
        _, first, group = np.unique(
            combination_keys(rows.ad, rows.elements), return_index=True, return_inverse=True
        )
        return cls(
            rows.ad[first],
            rows.elements[first],
            np.bincount(group, rows.clicks),
            np.bincount(group, rows.impressions),
        )

    def indicators(self, element_rows: int) -> tuple[np.ndarray, scipy.sparse.csr_array]:
        """Says which elements and ads each row has.

        Args:
            element_rows: The number of rows of the element table.

        Returns:
            The P rows that occur, int64 [P], where those of ads come after the element table, and a matrix of
            zeros and ones, sparse float64 [R, P].
        """
        columns = np.concatenate([self.elements, element_rows + self.ad[:, None]], 1)
        row, slot = np.nonzero(columns >= 0)
        used, column = np.unique(columns[row, slot], return_inverse=True)
        return used, scipy.sparse.csr_array((np.ones(len(row)), (row, column)))


def combination_keys(ad: np.ndarray, elements: np.ndarray) -> np.ndarray:
    """Returns 64-bit keys of ads [...] with combinations [..., M]: sums with random odd multipliers."""
    width = elements.shape[-1] + 1
    factors = np.random.default_rng(0).integers(1 << 63, size=width, dtype=np.uint64) * 2 + 1
    columns = np.concatenate([ad[..., None], elements], -1)
    return (columns.astype(np.uint64) * factors).sum(-1, dtype=np.uint64)


class Tally:
    """Sums clicks and exposure (impressions, or expected clicks) by key.

    Args:
        keys: The key of each row, integer [R]; keys may repeat.
        clicks, exposure: The clicks and the exposure of each row, float64 [R].
    """

    def __init__(self, keys: np.ndarray, clicks: np.ndarray, exposure: np.ndarray):
        self.keys, group = np.unique(keys, return_inverse=True)
        self.clicks, self.exposure = np.bincount(group, clicks), np.bincount(group, exposure)

    def get(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns clicks and exposure of keys, in the shape of `keys`; both are zero for an unknown key."""
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        seen = self.keys[place] == keys
        return np.where(seen, self.clicks[place], 0.0), np.where(seen, self.exposure[place], 0.0)


def _rows_of(batch: Batch, tables: FeatureTables) -> tuple[np.ndarray, ...]:
    weight = np.asarray(batch[WEIGHT], np.float64)
    shown = np.asarray(batch[keys.SHOWN])[:, None]
    clicks = np.asarray(batch[CLICK], np.float64) * weight
    return ad_rows(batch, tables), element_rows(batch, shown)[:, 0], clicks, weight
