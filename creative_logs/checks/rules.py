"""The rules that every row of a log must satisfy, each as a vectorised test over a record batch."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creative_logs.schema import CLICK, REQUEST_ID, TIMESTAMP, WEIGHT, Component, LogSchema


class Fault(NamedTuple):
    """The rows of a batch that break one rule.

    Attributes:
        rows: True for the rows that break the rule, bool[R].
        rule: The rule, for the message.
        values: The values to show in the message, one per row [R].
    """

    rows: np.ndarray
    rule: str
    values: pa.Array


def faults(batch: pa.RecordBatch, schema: LogSchema) -> Iterator[Fault]:
    """Tests every rule of the log schema, in the order in which a row's first broken rule is reported."""
    yield from _null_faults(batch, schema)
    for component in schema.components:
        yield from _candidate_faults(batch, component)
    yield from _number_faults(batch, schema)
    for feature in schema.context:
        if feature.type == 'string_list':
            values = batch.column(feature.name)
            yield Fault(holds(values, pc.is_null), f'{feature.name} holds a null', values)
    lengths = [list_lengths(batch.column(c.candidates)) for c in schema.components]
    names = ', '.join(c.candidates for c in schema.components)
    yield Fault(np.sum(lengths, axis=0) == 0, f'all of {names} are empty', batch.column(schema.ad))


def list_lengths(lists: pa.ListArray) -> np.ndarray:
    """The length of every list, 0 for a null list, int64[R]."""
    return pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)


def invalid_utf8(array: pa.Array) -> np.ndarray:
    """True for rows of a string or list<string> array whose bytes are not UTF-8, bool[R]."""
    if pa.types.is_list(array.type):
        return _any_in_list(array, invalid_utf8(array.flatten()))
    invalid = np.zeros(len(array), bool)
    parts = [(0, array.view(pa.binary()))]
    while parts:  # Bisection: one cast if all values are valid, a few more around each invalid one.
        start, part = parts.pop()
        if _is_utf8(part):
            continue
        half = len(part) // 2
        if half == 0:
            invalid[start] = True
        else:
            parts += [(start, part[:half]), (start + half, part[half:])]
    return invalid


def _is_utf8(array: pa.BinaryArray) -> bool:
    try:
        array.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _null_faults(batch: pa.RecordBatch, schema: LogSchema) -> Iterator[Fault]:
    required = [REQUEST_ID, TIMESTAMP, schema.ad, CLICK, WEIGHT]
    for component in schema.components:
        required += [component.candidates, component.shown]
        if component.text:
            required.append(component.texts)
    for name in required:
        column = batch.column(name)
        if column.null_count:
            yield Fault(mask(pc.is_null(column)), f'{name} must not be null', column)


def _candidate_faults(batch: pa.RecordBatch, component: Component) -> Iterator[Fault]:
    ids = batch.column(component.candidates)
    lengths = list_lengths(ids)
    yield Fault(holds(ids, pc.is_null), f'{component.candidates} holds a null', ids)
    yield Fault(holds(ids, lambda v: pc.equal(v, '')), f'{component.candidates} holds an empty id', ids)
    yield Fault(_holds_repeated(ids, lengths), f'{component.candidates} holds an id twice', ids)

    shown = batch.column(component.shown)
    index = _numbers(shown, fill=-1)
    out_of_range = np.where(lengths == 0, index != -1, (index < 0) | (index >= lengths))
    rule = f'{component.shown} must be an index into {component.candidates} (-1 for an empty list)'
    yield Fault(out_of_range, rule, shown)

    if component.text:
        texts = batch.column(component.texts)
        rule = f'{component.texts} must have one text per element of {component.candidates}'
        yield Fault(list_lengths(texts) != lengths, rule, texts)
        yield Fault(holds(texts, pc.is_null), f'{component.texts} holds a null', texts)

    column = batch.column(component.propensity)
    propensity = _numbers(column, fill=1)
    outside = ~((propensity > 0) & (propensity <= 1))
    yield Fault(outside, f'{component.propensity} must be in (0, 1] or null', column)


def _number_faults(batch: pa.RecordBatch, schema: LogSchema) -> Iterator[Fault]:
    click = batch.column(CLICK)
    yield Fault(~np.isin(_numbers(click, fill=0), (0, 1)), f'{CLICK} must be 0 or 1', click)
    column = batch.column(WEIGHT)
    weight = _numbers(column, fill=1)
    yield Fault(~(np.isfinite(weight) & (weight > 0)), f'{WEIGHT} must be finite and above 0', column)
    for feature in schema.context:
        if feature.type == 'float':
            column = batch.column(feature.name)
            yield Fault(~np.isfinite(_numbers(column, fill=0)), f'{feature.name} must be finite', column)


def mask(array: pa.Array) -> np.ndarray:
    """An Arrow array of booleans without nulls as bool[R]."""
    return array.to_numpy(zero_copy_only=False).astype(bool)


def _numbers(array: pa.Array, fill: int) -> np.ndarray:
    return pc.fill_null(array, fill).to_numpy(zero_copy_only=False)


def holds(lists: pa.ListArray, test) -> np.ndarray:
    """True for rows with a list item that satisfies `test`, an Arrow function to booleans, bool[R]."""
    return _any_in_list(lists, mask(pc.fill_null(test(lists.flatten()), False)))


def _any_in_list(lists: pa.ListArray, item_mask: np.ndarray) -> np.ndarray:
    rows = np.zeros(len(lists), bool)
    if item_mask.any():
        rows[np.repeat(np.arange(len(lists)), list_lengths(lists))[item_mask]] = True
    return rows


def _holds_repeated(lists: pa.ListArray, lengths: np.ndarray) -> np.ndarray:
    """True for rows whose list holds an item twice, bool[R]. Sorting makes their equal keys adjacent."""
    rows = np.zeros(len(lists), bool)
    if lengths.max(initial=0) < 2:
        return rows
    encoded = pc.dictionary_encode(lists.flatten(), null_encoding='encode')
    keys = np.repeat(np.arange(len(lists)) * len(encoded.dictionary), lengths) + encoded.indices.to_numpy()
    keys.sort()
    rows[keys[1:][keys[1:] == keys[:-1]] // len(encoded.dictionary)] = True
    return rows
