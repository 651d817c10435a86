"""The cells of the context: the values of each category feature, and of each pair of them."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from model.features.feature_tables import FeatureTables, offsets

_MOST_CELLS = 1 << 16  # of a pair; a pair with more cells is left out, as hardly any would be seen often


class CellTable(NamedTuple):
    """The cells of one category feature or of a pair of them.

    Attributes:
        features: The names of the features.
        first: The number of the first cell.
        size: The number of cells.
    """

    features: tuple[str, ...]
    first: int
    size: int


class ContextCells:
    """Numbers the cells of the category features of a context.

    Args:
        tables: The tables of the features.

    Attributes:
        tables: The tables of cells, first those of single features.
        size: The number of cells of all tables.
        axes: The axes of `context_ids` that hold category features, int32 [F].
    """

    def __init__(self, tables: FeatureTables):
        sizes = {name: tables.ids[name] for name in tables.categories}
        axis_of, first_of = list(tables.ids), offsets(tables.ids)
        self.axes = np.array([axis_of.index(name) for name in sizes], np.int32)
        self._first_ids = np.array([first_of[name] for name in sizes], np.int64)
        self.tables: list[CellTable] = []
        self.size = 0
        for features in [*((name,) for name in sizes), *combinations(sizes, 2)]:
            cells = int(np.prod([sizes[name] for name in features]))
            if len(features) == 1 or cells <= _MOST_CELLS:
                self.tables.append(CellTable(features, self.size, cells))
                self.size += cells
        # The cell of a table is first + the sum over features of value * factor.
        self._factors = np.zeros((len(sizes), len(self.tables)), np.int64)
        for column, table in enumerate(self.tables):
            factor = 1
            for name in reversed(table.features):
                self._factors[list(sizes).index(name), column] = factor
                factor *= sizes[name]
        self._first = np.array([table.first for table in self.tables], np.int64)

    def categories(self, context_ids: tf.Tensor) -> tf.Tensor:
        """The values of the category features, int64 [B, F], of context ids, int64 [B, any]."""
        return tf.gather(context_ids, self.axes, axis=1) - self._first_ids

    def of(self, categories: tf.Tensor) -> tf.Tensor:
        """The cells of B contexts, int64 [B, tables], given their categories, int64 [B, F]."""
        scaled = categories[:, :, None] * self._factors
        return self._first + tf.reduce_sum(scaled, 1)
