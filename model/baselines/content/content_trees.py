"""CatBoost on the features of GenCO and the content of the shown elements; it needs the extra `peers`."""

import numpy as np
import pandas as pd

from model.baselines.content.content_table import ContentTable
from model.baselines.gradient_boosted_trees import GradientBoostedTrees
from model.baselines.shown_elements import chosen_values
from model.features import packed_batch as keys
from model.features.content_keys import NO_KEY
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch


class ContentTrees(GradientBoostedTrees):
    """Boosted trees that also read, for each component, the attributes and the vector of the shown element.

    An attribute is a number, 1 / sqrt(m) where the element has it among m and else 0, and so is each dimension
    of a vector. No crossed features are needed: a path of a tree crosses attributes with the context.

    Args:
        tables: The feature tables of the batches.
        content: The content of the elements.
        seed: The random seed of the trees.
    """

    def __init__(self, tables: FeatureTables, content: ContentTable, seed: int = 1):
        super().__init__(tables, seed)
        self._content = content
        self._component = {name: _Component(content, name) for name in content.attribute_columns}

    def _features(self, batch: Batch, combinations: np.ndarray) -> pd.DataFrame:
        chosen = chosen_values(np.asarray(batch[keys.ELEMENT_KEYS]), batch, combinations, NO_KEY)
        rows = self._content.rows_of(chosen).reshape(-1, combinations.shape[2])
        parts = [super()._features(batch, combinations)]
        for j, name in enumerate(self._tables.components):
            if name in self._component:
                values = self._component[name].of(rows[:, j])
                columns = [f'{name} {i}' for i in range(values.shape[1])]
                parts.append(pd.DataFrame(values, columns=columns))
        return pd.concat(parts, axis=1)


class _Component:
    """The content of the elements of one component as a dense table, whose last row is for all others."""

    def __init__(self, content: ContentTable, name: str):
        attributes = content.attributes[:, content.attribute_columns[name]]
        rows, vectors = content.vectors.get(name, (np.zeros(0, np.int64), np.zeros((0, 0), np.float32)))
        here = np.union1d(np.flatnonzero(np.diff(attributes.indptr)), rows)
        self._place = np.full(content.size, len(here))
        self._place[here] = np.arange(len(here))
        self._table = np.zeros((len(here) + 1, attributes.shape[1] + vectors.shape[1]), np.float32)
        self._table[:-1, : attributes.shape[1]] = attributes[here].toarray()
        self._table[self._place[rows], attributes.shape[1] :] = vectors

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Attributes and vectors, float32 [R, V + D], of elements by their rows of the table of content."""
        return self._table[self._place[rows]]
