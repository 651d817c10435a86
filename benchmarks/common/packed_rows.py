"""Transformed rows in memory, packed once, from which batches of any rows are gathered."""

import numpy as np
import tensorflow as tf

from creative_logs.schema import CLICK, WEIGHT
from model.features import packed_batch as keys
from model.features.packed_batch import Batch

_TEXT = (keys.SUBWORD_ROWS, keys.SUBWORDS_PER_ELEMENT)


class PackedRows:
    """Gathers rows of a packed batch by number. The result equals that of `pack` but costs only a gather.

    Args:
        batch: The packed batch of R rows, from `model.features.packed_batch.pack`.
        subwords: Whether to include the subwords of elements, which most baselines do not read.
    """

    def __init__(self, batch: Batch, subwords: bool = True):
        self._ragged = {keys.ELEMENTS: _ragged(batch[keys.ELEMENTS], _totals(batch[keys.COUNTS]))}
        if keys.ELEMENT_KEYS in batch:
            self._ragged[keys.ELEMENT_KEYS] = _ragged(batch[keys.ELEMENT_KEYS], _totals(batch[keys.COUNTS]))
        if keys.TERMS in batch:
            self._ragged[keys.TERMS] = _ragged(batch[keys.TERMS], _totals(batch[keys.TERM_COUNTS]))
        if subwords and keys.SUBWORD_ROWS in batch:
            of_element = _ragged(batch[keys.SUBWORD_ROWS], batch[keys.SUBWORDS_PER_ELEMENT])
            lengths = _totals(batch[keys.COUNTS])
            self._ragged[keys.SUBWORDS_PER_ELEMENT] = _ragged(batch[keys.SUBWORDS_PER_ELEMENT], lengths)
            self._ragged[keys.SUBWORD_ROWS] = _ragged(of_element, lengths)
        self._dense = {name: value for name, value in batch.items() if name not in (*self._ragged, *_TEXT)}

    def take(self, rows: tf.Tensor | np.ndarray) -> Batch:
        """Returns the packed batch of the rows with the given numbers, int [B]."""
        found = {name: tf.gather(value, rows) for name, value in self._dense.items()}
        return found | {name: tf.gather(value, rows).flat_values for name, value in self._ragged.items()}

    def impressions(
        self, rows: np.ndarray, click: np.ndarray, weight: np.ndarray, batch_size: int
    ) -> tf.data.Dataset:
        """Returns packed batches of impressions of the rows, in the given order.

        Args:
            rows: The numbers of the rows, int64 [R].
            click: The clicks of the impressions, 0 or 1, [R].
            weight: The weights of the impressions, [R].
            batch_size: The batch size B.
        """

        def pack(row, clicked, weighed):
            return self.take(row) | {CLICK: clicked, WEIGHT: weighed}

        columns = rows, click.astype(np.float32), weight.astype(np.float32)
        batches = tf.data.Dataset.from_tensor_slices(columns).batch(batch_size)
        return batches.map(pack, num_parallel_calls=2).prefetch(4)


def _totals(counts: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(counts, 1)


def _ragged(values: tf.Tensor | tf.RaggedTensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    return tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)
