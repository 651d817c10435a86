"""Packs logs in memory into batches in which every id has a dedicated row.

Ids are numbered instead of hashed, so a log is packed within seconds and without Beam. Except for the
numbers, the result is that of Transform with tables so large that no two ids share a row.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from creative_logs.checks.rules import list_lengths
from creative_logs.schema import CLICK, TIMESTAMP, WEIGHT, LogSchema
from model.features import packed_batch as keys
from model.features.content_keys import element_keys
from model.features.feature_tables import ELEMENT_KEYS, FeatureTables
from model.features.packed_batch import Batch, pack

_SPLITS, _VALUES = 'splits', 'values'

Features = dict[str, dict[str, np.ndarray]]


def pack_logs(
    logs: Sequence[pa.RecordBatch], schema: LogSchema, batch_size: int
) -> tuple[FeatureTables, list[list[Batch]]]:
    """Packs rows in their order.

    Args:
        logs: The rows, as the simulator writes them: without numbers, texts or weights.
        schema: The schema of the logs.
        batch_size: The batch size B; the last batch of each log may be smaller.

    Returns:
        The feature tables that all batches share, and the batches of each log.
    """
    table = pa.Table.from_batches([_plain(log) for log in logs])
    features, rows = _features(table, schema)
    tables = FeatureTables.from_schema(schema, rows, frequent=0)
    ends = np.cumsum([log.num_rows for log in logs]).tolist()
    return tables, [
        list(_batches(features, tables, end - log.num_rows, end, batch_size)) for log, end in zip(logs, ends)
    ]


def without_labels(batches: Iterable[Batch]) -> list[Batch]:
    """The requests of the batches, without the shown elements, propensities and clicks."""
    return [{key: value for key, value in batch.items() if key not in keys.LABELS} for batch in batches]


def dataset(batches: Sequence[Batch]) -> tf.data.Dataset:
    """The batches as a dataset for training, in their order."""
    signature = {
        key: tf.TensorSpec([None, *value.shape[1:]], value.dtype) for key, value in batches[0].items()
    }
    return tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature).prefetch(4)


def _plain(log: pa.RecordBatch) -> pa.RecordBatch:
    """Decodes the dictionary-encoded lists of strings that the simulator returns."""
    columns = {
        name: column.cast(pa.list_(pa.string())) if pa.types.is_list(column.type) else column
        for name, column in zip(log.schema.names, log.columns)
    }
    return pa.RecordBatch.from_pydict(columns)


def _features(table: pa.Table, schema: LogSchema) -> tuple[Features, dict[str, int]]:
    """The features under the names that Transform gives them, and the number of table rows of each."""
    features: Features = {
        CLICK: {_VALUES: _numpy(table, CLICK, np.float32)},
        WEIGHT: {_VALUES: np.ones(table.num_rows, np.float32)},
        keys.CHOSEN_BY_GENCO: {_VALUES: np.zeros(table.num_rows, np.float32)},
        TIMESTAMP: {_VALUES: _numpy(table, TIMESTAMP, np.int64)},
    }
    columns = {f.name: f.name for f in schema.context} | {c.name: c.candidates for c in schema.components}
    rows, values = {}, {}
    for name, column in columns.items():
        features[name], values[name] = _numbered(table.column(column).combine_chunks())
        rows[name] = len(values[name])
    for component in schema.with_content:
        features[component.name + ELEMENT_KEYS] = _keys(
            component.name, features[component.name], values[component.name]
        )
    for component in schema.components:
        propensity = _numpy(table, component.propensity, np.float32)
        features[f'{component.name}_shown'] = {_VALUES: _numpy(table, component.shown, np.int64)}
        features[f'{component.name}_propensity'] = {_VALUES: np.nan_to_num(propensity, nan=1.0)}
    return features, rows


def _keys(component: str, numbers: dict[str, np.ndarray], ids: pa.Array) -> dict[str, np.ndarray]:
    """The keys of a component's candidates, which are given as numbers of the distinct ids."""
    keys_of_ids = element_keys(component, tf.constant(ids.to_numpy(zero_copy_only=False), tf.string)).numpy()
    return numbers | {_VALUES: keys_of_ids[numbers[_VALUES]]}


def _numbered(column: pa.Array) -> tuple[dict[str, np.ndarray], pa.Array]:
    """Numbers the distinct values, or list items, from 0; returns the numbers and the distinct values."""
    lists = pa.types.is_list(column.type)
    encoded = pc.dictionary_encode(column.flatten() if lists else column)
    feature = {_VALUES: encoded.indices.to_numpy().astype(np.int64)}
    if lists:
        feature[_SPLITS] = np.concatenate([[0], np.cumsum(list_lengths(column))]).astype(np.int32)
    return feature, encoded.dictionary


def _numpy(table: pa.Table, column: str, dtype: type) -> np.ndarray:
    return table.column(column).to_numpy().astype(dtype)


def _batches(
    features: Features, tables: FeatureTables, first: int, end: int, batch_size: int
) -> Iterator[Batch]:
    for start in range(first, end, batch_size):
        stop = min(start + batch_size, end)
        yield pack({name: _slice(feature, start, stop) for name, feature in features.items()}, tables)


def _slice(feature: dict[str, np.ndarray], start: int, stop: int) -> tf.Tensor | tf.RaggedTensor:
    values = feature[_VALUES]
    if _SPLITS not in feature:
        return tf.constant(values[start:stop])
    splits = feature[_SPLITS][start : stop + 1]
    return tf.RaggedTensor.from_row_splits(values[splits[0] : splits[-1]], splits - splits[0], validate=False)
