"""Recovers the numbers of ads, users, queries and elements from the ids in logged rows."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creative_logs.checks.rules import list_lengths
from creative_logs.errors import InputError
from creative_logs.simulator.world import Context, Elements, World


@dataclass(frozen=True)
class Candidates:
    """The candidates of R rows in one component, packed into T entries.

    Attributes:
        offsets: Row i has the entries offsets[i] ... offsets[i + 1] - 1, int64[R + 1].
        entries: The index of each entry into `elements`, int64[T].
        elements: The parameters of the elements.
    """

    offsets: np.ndarray
    entries: np.ndarray
    elements: Elements

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    @property
    def row(self) -> np.ndarray:
        """The row of each entry, int64[T]."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.lengths)

    def pick(self, choice: np.ndarray) -> np.ndarray:
        """The index into `elements` of each row's chosen candidate, -1 if it has none, int64[R]."""
        none = len(self.entries)
        entry = np.where(self.lengths == 0, none, self.offsets[:-1] + choice)
        return np.append(self.entries, -1)[entry]


def parse_context(world: World, rows: pa.RecordBatch | pa.Table) -> Context:
    """The context of logged rows.

    Raises:
        InputError: A column is missing, or an id was not written by the simulator.
    """
    return world.context(*(_numbers(_column(rows, f'{name}_id'), f'{name}_', 1)[0] for name in _CONTEXT))


def parse_candidates(world: World, rows: pa.RecordBatch | pa.Table) -> list[Candidates]:
    """The candidates of logged rows, one entry per component.

    Raises:
        InputError: A column is missing, or an id was not written by the simulator.
    """
    parsed = []
    for j, component in enumerate(world.config.log_schema().components):
        lists = _column(rows, component.candidates)
        encoded = pc.dictionary_encode(lists.flatten().cast(pa.string()))
        pool, generation = _numbers(encoded.dictionary, f'{component.name}_', 2)
        offsets = np.concatenate([[0], np.cumsum(list_lengths(lists))])
        parsed.append(Candidates(offsets, encoded.indices.to_numpy(), world.elements(j, pool, generation)))
    return parsed


_CONTEXT = ('ad', 'user', 'query')


def _column(rows: pa.RecordBatch | pa.Table, name: str) -> pa.Array:
    if name not in rows.schema.names:
        raise InputError(
            f'column {name!r} is missing; the truth is known only for rows that the simulator wrote'
        )
    column = rows.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _numbers(ids: pa.Array, prefix: str, count: int) -> list[np.ndarray]:
    """The numbers in ids such as ad_7 (count 1) or image_12_0 (count 2), one int64 array per number."""
    names = [f'n{i}' for i in range(count)]
    pattern = '^' + prefix + '_'.join(f'(?P<{name}>[0-9]+)' for name in names) + '$'
    fields = pc.extract_regex(ids.cast(pa.string()), pattern)
    if fields.null_count:
        wrong = ids.filter(fields.is_null())[0].as_py()
        raise InputError(f'id {wrong!r} is not of the form {prefix}<number>; the simulator did not write it')
    numbers = [pc.cast(pc.struct_field(fields, name), pa.int64()) for name in names]
    return [array.to_numpy(zero_copy_only=False) for array in numbers]
