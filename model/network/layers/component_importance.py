"""The importance of components in a context, a factor of the effects of their elements."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from model.features.context_cells import ContextCells
from model.features.feature_tables import FeatureTables


class ComponentImportance(tf.keras.layers.Layer):
    """log s of each component: its level plus a deviation for the value of each category feature of the context.

    The effects of the elements of a component are multiplied by s. So the weight of an element in eq. 17, a softmax to
    whose logit log s is added, follows how much its component matters in the context. All logs are zero until
    `adopt`; they are fitted without gradient (`model.training.interactions.importance`).

    Args:
        tables: The tables of the features.

    Call: context ids int64 [B, any] -> log s, float32 [B, M].
    """

    def __init__(self, tables: FeatureTables, **kwargs):
        super().__init__(**kwargs)
        self._cells = ContextCells(tables)
        self._features = len(self._cells.axes)
        components = len(tables.components)
        singles = self._cells.tables[: self._features]
        self.level = self._table('level', [components])
        self.deviations = self._table('deviations', [sum(table.size for table in singles), components])

    def call(self, context_ids: tf.Tensor) -> tf.Tensor:
        cells = self._cells.of(self._cells.categories(context_ids))[:, : self._features]
        return self.level + tf.reduce_sum(tf.gather(self.deviations, cells), 1)

    def adopt(self, level: np.ndarray, deviations: Sequence[np.ndarray]) -> None:
        """Replaces the levels, [M], and the deviations by the value of each category feature, [values, M] each."""
        self.level.assign(level)
        self.deviations.assign(np.concatenate([np.zeros((0, len(level))), *deviations]))

    def _table(self, name: str, shape: list[int]) -> tf.Variable:
        return self.add_weight(name, shape, tf.float32, 'zeros', trainable=False)
