"""The contexts of impressions, grouped by the values of their category features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from model.features.context_cells import CellTable, ContextCells


@dataclass(frozen=True)
class Contexts:
    """The contexts of R impressions; those of equal categories form a profile.

    Attributes:
        profile: The profile of each impression, int64 [R].
        cells: The number of each cell of a profile within its table, one array int64 [profiles] per table.
        tables: The tables of cells, first those of single features.
        features: The number of category features.
    """

    profile: np.ndarray
    cells: Sequence[np.ndarray]
    tables: Sequence[CellTable]
    features: int

    @classmethod
    def of(cls, categories: np.ndarray, cells: ContextCells) -> 'Contexts':
        """The contexts of impressions with the given values of the category features, int [R, F]."""
        if not cells.tables:
            return cls(np.zeros(len(categories), np.int64), [], [], 0)
        profiles, profile = np.unique(categories, axis=0, return_inverse=True)
        numbers = cells.of(profiles.astype(np.int64)).numpy()
        within = [numbers[:, k] - table.first for k, table in enumerate(cells.tables)]
        return cls(profile.ravel(), within, cells.tables, len(cells.axes))

    @property
    def profiles(self) -> int:
        """The number of profiles."""
        return len(self.cells[0]) if self.cells else 1

    def indicator(self, table: int) -> sparse.csr_matrix:
        """1 at [profile, cell of the profile], for one table."""
        of = self.cells[table]
        shape = (self.profiles, self.tables[table].size)
        return sparse.csr_matrix((np.ones(len(of)), (np.arange(len(of)), of)), shape)
