"""Reads the choices of another policy from a Parquet file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from components.sctr_evaluator.hash_shards import HASH_RANGE
from components.sctr_evaluator.rows.choice_rows import NOT_CHOSEN, ChoiceTable
from creative_logs.checks.check_logs import read_batches
from creative_logs.errors import InputError
from creative_logs.schema import REQUEST_ID

_SUFFIX = '_choice'


class ChoiceFile(NamedTuple):
    """A Parquet file with `request_id` (string) and a column `<component>_choice` for each chosen component.

    A choice is an index into the request's candidates (an integer column) or the id of the element (a string
    column); it is null where the policy chose nothing.

    Attributes:
        path: The path of the file.
        components: The names of the components, in the order of the file.
        by_id: Whether each component is chosen by id.
    """

    path: str
    components: tuple[str, ...]
    by_id: tuple[bool, ...]

    @classmethod
    def open(cls, path: str) -> Self:
        """Reads the schema of the file.

        Raises:
            InputError: The file cannot be read, or its columns are not as described above.
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
            raise InputError(f'{path}: needs a column <component>{_SUFFIX} for at least one component')
        for field in fields:
            if not (_is_text(field.type) or pa.types.is_integer(field.type)):
                raise InputError(
                    f'{path}: column {field.name!r} must hold indices (integers) or element ids (strings): '
                    f'got {field.type}'
                )
        names = tuple(field.name.removesuffix(_SUFFIX) for field in fields)
        return cls(path, names, tuple(_is_text(field.type) for field in fields))

    @property
    def components_by_id(self) -> tuple[str, ...]:
        """The components whose elements the policy chose by id."""
        return tuple(name for name, by_id in zip(self.components, self.by_id) if by_id)

    def read(self) -> Iterator[ChoiceTable]:
        """Yields the choices, one row group at a time.

        Raises:
            InputError: A request id is missing.
        """
        for batch in read_batches(Path(self.path)):
            if batch.column(REQUEST_ID).null_count:
                raise InputError(f'{self.path}: column {REQUEST_ID!r} has rows without a value; remove them')
            choices = [self._choices(batch, name, by_id) for name, by_id in zip(self.components, self.by_id)]
            yield ChoiceTable(_hashes(batch.column(REQUEST_ID)), np.stack(choices, 1))

    def places(self, components: Sequence[str]) -> list[int]:
        """The positions of the file's components among those of the model.

        Raises:
            InputError: The model does not have one of the components.
        """
        unknown = [name for name in self.components if name not in components]
        if unknown:
            raise InputError(
                f'{self.path}: column {unknown[0] + _SUFFIX!r} belongs to no component; the components are '
                f'{", ".join(components)}'
            )
        return [components.index(name) for name in self.components]

    @staticmethod
    def _choices(batch: pa.RecordBatch, name: str, by_id: bool) -> np.ndarray:
        column = batch.column(name + _SUFFIX)
        known = np.asarray(column.is_valid())
        values = _hashes(column.fill_null('')) if by_id else column.fill_null(0).cast(pa.int64()).to_numpy()
        return np.where(known, values, NOT_CHOSEN)


def _hashes(column: pa.Array) -> np.ndarray:
    text = column.cast(pa.string()).to_numpy(zero_copy_only=False)
    return tf.strings.to_hash_bucket_fast(tf.constant(text, tf.string), HASH_RANGE).numpy()


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
