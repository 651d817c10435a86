"""Parses each batch of logged rows once, with the column types of the log schema."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow as tf

from components.sctr_evaluator.hash_shards import HASH_RANGE
from creative_logs.errors import InputError
from creative_logs.schema import REQUEST_ID, Component, LogSchema

_SEPARATOR = ', '
# Longer labels are truncated, so that the memory of a value is bounded.
_LONGEST_LABEL = 100


class CandidateIds(NamedTuple):
    """The candidate lists of one component in R rows.

    Attributes:
        hashes: The hashes of all ids, one list after another, int64 [ids].
        starts: The position of the first id of each row, int64 [R].
    """

    hashes: np.ndarray
    starts: np.ndarray

    def hash_at(self, position: np.ndarray) -> np.ndarray:
        """The hash of one candidate per row, int64 [R]; -1 where the position, int64 [R], is -1."""
        place = np.where(position >= 0, self.starts + position, len(self.hashes))
        return np.append(self.hashes, -1)[place]


class ParsedRows(NamedTuple):
    """What the evaluator itself reads from R logged rows; it gets everything else from the exported model.

    Attributes:
        request_ids: The request ids, bytes [R]; '' where a row has none.
        seeds: The hashes of the request ids, int64 [R], at least 0 and below 2^62. The exported model derives
            its seeds in the same way, so that choices drawn here are the choices that would be served.
        keys: The hashes of the clusters, int64 [R], at least 0 and below 2^62.
        labels: {column: R labels}; None where a row has no value. The items of a list are joined by commas.
        candidate_ids: {component: its candidate lists}.
    """

    request_ids: np.ndarray
    seeds: np.ndarray
    keys: np.ndarray
    labels: dict[str, list[str | None]]
    candidate_ids: dict[str, CandidateIds]


class RowParser:
    """Parses serialized tf.Examples; the result for a row does not depend on the rest of the batch.

    Args:
        schema: The log schema.
        cluster: The column that names the clusters. A row without a value is a cluster of its own.
        label_columns: The columns to slice by.
        id_components: The components whose candidate ids are needed.

    Raises:
        InputError: A column is not in the log schema.
    """

    def __init__(
        self,
        schema: LogSchema,
        cluster: str,
        label_columns: Sequence[str] = (),
        id_components: Sequence[str] = (),
    ):
        types = column_types(schema)
        for key, columns in (('evaluation.cluster', [cluster]), ('evaluation.slices', label_columns)):
            for column in columns:
                if column not in types:
                    raise InputError(f'{key}: {column!r} is not a column of the logs; name one that is')
        self._cluster, self._label_columns = cluster, tuple(label_columns)
        self._id_components = tuple(id_components)
        needed = {cluster, *label_columns, *map(_candidates, id_components)} - {REQUEST_ID}
        self._types = tuple((column, types[column]) for column in sorted(needed))

    def __call__(self, rows: tf.Tensor) -> ParsedRows:
        """Parses rows, string [R]."""
        found = _parse(rows, self._types, self._cluster, self._label_columns, self._id_components)
        parsed = tf.nest.map_structure(lambda tensor: tensor.numpy(), found)
        return ParsedRows(
            parsed['request_ids'].astype('S'),
            parsed['seeds'],
            parsed['keys'],
            {name: _labels(*parsed['labels'][name]) for name in self._label_columns},
            {name: CandidateIds(*parsed['candidate_ids'][name]) for name in self._id_components},
        )


@tf.function(reduce_retracing=True)
def _parse(
    rows: tf.Tensor,
    types: tuple[tuple[str, tf.DType], ...],
    cluster: str,
    label_columns: tuple[str, ...],
    id_components: tuple[str, ...],
) -> dict:
    spec: dict = {name: tf.io.RaggedFeature(kind, row_splits_dtype=tf.int64) for name, kind in types}
    spec[REQUEST_ID] = tf.io.FixedLenFeature([], tf.string, default_value='')
    columns = tf.io.parse_example(rows, spec)
    request = columns[REQUEST_ID]
    columns[REQUEST_ID] = tf.RaggedTensor.from_row_lengths(request, tf.ones_like(request, tf.int64))
    named = tf.strings.reduce_join(as_text(columns[cluster]), axis=1, separator='\n')
    missing = tf.equal(columns[cluster].row_lengths(), 0)
    lists = {name: columns[_candidates(name)] for name in id_components}
    return {
        'request_ids': request,
        'seeds': _hash(request),
        'keys': _hash(tf.where(missing, 'request\n' + request, named)),
        'labels': {name: _label_text(columns[name]) for name in label_columns},
        'candidate_ids': {name: (_hash(ids.values), ids.row_starts()) for name, ids in lists.items()},
    }


def column_types(schema: LogSchema) -> dict[str, tf.DType]:
    """The type that each column of the logs has in tf.Examples."""
    return {field.name: _example_type(field.type) for field in schema.arrow_schema()}


def as_text(values: tf.RaggedTensor | tf.Tensor) -> tf.RaggedTensor | tf.Tensor:
    """Converts values of any type to strings."""
    return values if values.dtype == tf.string else tf.strings.as_string(values)


def _example_type(kind: pa.DataType) -> tf.DType:
    if pa.types.is_list(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind):
        return tf.int64
    return tf.float32 if pa.types.is_floating(kind) else tf.string


def _candidates(component: str) -> str:
    return Component(name=component).candidates


def _hash(text: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_hash_bucket_fast(text, HASH_RANGE)


def _label_text(values: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    joined = tf.strings.reduce_join(as_text(values), axis=1, separator=_SEPARATOR)
    return tf.strings.substr(joined, 0, _LONGEST_LABEL), values.row_lengths() > 0


def _labels(text: np.ndarray, known: np.ndarray) -> list[str | None]:
    return [value.decode('utf-8', errors='replace') if there else None for value, there in zip(text, known)]
