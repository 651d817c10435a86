"""Choices from a Parquet file, and what rows of the log are compared with them by."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from components.sctr_evaluator.rows.choice_rows import NOT_CHOSEN, ChoiceTable
from creative_logs.checks.check_logs import read_batches
from creative_logs.errors import InputError
from creative_logs.schema import REQUEST_ID, Component

_SUFFIX = '_choice'
_HASH_RANGE = 1 << 62


class ChoiceFile(NamedTuple):
    """A Parquet file of `request_id` (string) and `<component>_choice`, per component that a policy chose.

    A choice is an index into the request's candidates (an integer column) or the element's id (a string
    column); null where there is none.

    Attributes:
        path: of the file.
        components: names, in the order of the file.
        by_id: whether each is chosen by id.
    """

    path: str
    components: tuple[str, ...]
    by_id: tuple[bool, ...]

    @classmethod
    def open(cls, path: str) -> Self:
        """Reads the schema.

        Raises:
            InputError: the file cannot be read, or its columns are not as above.
        """
        try:
            schema = pq.read_schema(path)
        except (pa.ArrowException, OSError) as error:
            message = ' '.join(str(error).split())
            raise InputError(
                f'{path}: cannot be read as Parquet: {message}; write the choices again'
            ) from error
        if REQUEST_ID not in schema.names or not _is_text(schema.field(REQUEST_ID).type):
            raise InputError(f'{path}: needs a column {REQUEST_ID!r} of strings, as in the logs')
        fields = [field for field in schema if field.name.endswith(_SUFFIX)]
        if not fields:
            raise InputError(f'{path}: needs a column <component>{_SUFFIX} for a component at least')
        for field in fields:
            if not (_is_text(field.type) or pa.types.is_integer(field.type)):
                raise InputError(
                    f'{path}: column {field.name!r} must hold indices (integers) or element ids (strings): '
                    f'got {field.type}'
                )
        names = tuple(field.name.removesuffix(_SUFFIX) for field in fields)
        return cls(path, names, tuple(_is_text(field.type) for field in fields))

    def read(self) -> Iterator[ChoiceTable]:
        """The choices, a row group at a time.

        Raises:
            InputError: a request id is missing.
        """
        for batch in read_batches(Path(self.path)):
            if batch.column(REQUEST_ID).null_count:
                raise InputError(f'{self.path}: column {REQUEST_ID!r} has rows without a value; remove them')
            choices = [self._choices(batch, name, by_id) for name, by_id in zip(self.components, self.by_id)]
            yield ChoiceTable(_hashes(batch.column(REQUEST_ID)), np.stack(choices, 1))

    def places(self, components: Sequence[str]) -> list[int]:
        """Where the file's components are among those of the model.

        Raises:
            InputError: one is not among them.
        """
        unknown = [name for name in self.components if name not in components]
        if unknown:
            raise InputError(
                f'{self.path}: column {unknown[0] + _SUFFIX!r} is of no component; there are '
                f'{", ".join(components)}'
            )
        return [components.index(name) for name in self.components]

    @staticmethod
    def _choices(batch: pa.RecordBatch, name: str, by_id: bool) -> np.ndarray:
        column = batch.column(name + _SUFFIX)
        known = np.asarray(column.is_valid())
        values = _hashes(column.fill_null('')) if by_id else column.fill_null(0).cast(pa.int64()).to_numpy()
        return np.where(known, values, NOT_CHOSEN)


class ShownIds:
    """Request ids of serialized tf.Examples, and hashes of the ids that were shown.

    Args:
        file: of the choices.
    """

    def __init__(self, file: ChoiceFile):
        self._file = file

    def __call__(self, rows: tf.Tensor, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of rows, string [R].

        Args:
            rows: serialized.
            shown: int64 [R, M], indices of what was shown, in the order of the file.

        Returns:
            Request ids, bytes [R]; int64 [R, M], what a choice in the file is equal to if it was shown.
        """
        columns = [Component(name=name).candidates for name in self._file.components]
        chosen = tuple(column for column, by_id in zip(columns, self._file.by_id) if by_id)
        request, ids = _parse(rows, chosen)
        result = shown.astype(np.int64)
        for place, (hashes, starts) in zip(np.flatnonzero(self._file.by_id), ids):
            result[:, place] = _shown_hash(hashes.numpy(), starts.numpy(), shown[:, place])
        return request.numpy().astype('S'), result


@tf.function(reduce_retracing=True)
def _parse(rows: tf.Tensor, columns: tuple[str, ...]):
    spec = {column: tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64) for column in columns}
    spec |= {REQUEST_ID: tf.io.FixedLenFeature([], tf.string, default_value='')}
    parsed = tf.io.parse_example(rows, spec)
    lists = [parsed[column] for column in columns]
    ids = [(tf.strings.to_hash_bucket_fast(ids.values, _HASH_RANGE), ids.row_starts()) for ids in lists]
    return parsed[REQUEST_ID], ids


def _shown_hash(hashes: np.ndarray, starts: np.ndarray, shown: np.ndarray) -> np.ndarray:
    place = np.where(shown >= 0, starts + shown, len(hashes))
    return np.append(hashes, -1)[place]


def _hashes(column: pa.Array) -> np.ndarray:
    text = column.cast(pa.string()).to_numpy(zero_copy_only=False)
    return tf.strings.to_hash_bucket_fast(tf.constant(text, tf.string), _HASH_RANGE).numpy()


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
