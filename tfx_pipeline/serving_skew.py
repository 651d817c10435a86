"""Compares the answers of a server with those of its model."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from creative_logs.errors import InputError
from serving.client.request import SelectRequest


@dataclasses.dataclass
class OutputSkew:
    """The comparison of one output.

    Attributes:
        differing: The number of rows that differ.
        largest: The largest difference between two numbers; 1 if values of another type differ.
    """

    differing: int = 0
    largest: float = 0.0


class Skew:
    """Accumulates comparisons of outputs, whose first axis is the ads.

    Args:
        tolerance: The largest difference at which two floats count as equal; other values must be identical.

    Attributes:
        rows: The number of rows compared.
        differing: The number of these rows in which an output differs.
        outputs: The comparison of each output, by name.
        first: The first row that differs: the request, its seed, and the served and the offline outputs.
    """

    def __init__(self, tolerance: float):
        self._tolerance = tolerance
        self.rows = self.differing = 0
        self.outputs: dict[str, OutputSkew] = {}
        self.first: dict | None = None

    def add(
        self,
        requests: Sequence[SelectRequest],
        seeds: Sequence[int],
        served: Mapping[str, np.ndarray],
        offline: Mapping[str, np.ndarray],
    ) -> None:
        """Compares the outputs for B requests.

        Args:
            requests: The B requests.
            seeds: The seed of each request.
            served: The outputs of the server by name, B rows each.
            offline: The outputs of the model by name, B rows each.

        Raises:
            InputError: Server and model differ in the names or the shapes of their outputs.
        """
        if served.keys() != offline.keys():
            one_sided = ', '.join(sorted(served.keys() ^ offline.keys()))
            raise InputError(f'server and model differ in their outputs: {one_sided}; same version?')
        differs = {}
        for name in sorted(offline):
            by_row = _differences(served[name], offline[name])
            is_float = offline[name].dtype.kind == 'f'
            differs[name] = ~(by_row <= (self._tolerance if is_float else 0))
            output = self.outputs.setdefault(name, OutputSkew())
            output.differing += int(differs[name].sum())
            output.largest = max(output.largest, float(by_row.max(initial=0)))
        rows = np.any(list(differs.values()), axis=0)
        if self.first is None and rows.any():
            self.first = _describe(int(rows.argmax()), requests, seeds, differs, served, offline)
        self.rows += len(requests)
        self.differing += int(rows.sum())

    def to_json(self) -> dict:
        """The figures as plain numbers, strings, lists and mappings."""
        return {
            'rows': self.rows,
            'differing': self.differing,
            'outputs': {name: dataclasses.asdict(output) for name, output in self.outputs.items()},
            'first': self.first,
        }


def _differences(served: np.ndarray, offline: np.ndarray) -> np.ndarray:
    """The largest difference in each row, float64 [B]; 1 for differing strings or a NaN on one side only."""
    if served.shape != offline.shape:
        shapes = f'{served.shape} and {offline.shape}'
        raise InputError(f'server and model differ in shape: {shapes}; is this the same version?')
    if offline.dtype.kind in 'fiu':
        apart = np.abs(served.astype(np.float64) - offline.astype(np.float64))
        apart = np.where(np.isnan(served) & np.isnan(offline), 0.0, np.nan_to_num(apart, nan=1.0, posinf=1.0))
    else:
        apart = (served != offline).astype(np.float64)
    return apart.reshape(len(apart), -1).max(axis=1, initial=0)


def _describe(row: int, requests, seeds, differs, served, offline) -> dict:
    outputs = {
        name: {'served': _plain(served[name][row]), 'offline': _plain(offline[name][row])}
        for name, rows in differs.items()
        if rows[row]
    }
    request: dict[str, dict] = {
        'context': dict(requests[row].context),
        'candidates': dict(requests[row].candidates),
    }
    brought = {name: sorted(contents) for name, contents in requests[row].content.items() if contents}
    if brought:
        request['content'] = brought
    return {'request': request, 'seed': seeds[row], 'outputs': outputs}


def _plain(value):
    """Converts a value to types that JSON supports, which has neither arrays nor NaN."""
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode('utf-8', 'backslashreplace')
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
