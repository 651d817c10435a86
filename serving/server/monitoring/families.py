"""Counters and histograms with labels, written in the text format of Prometheus.

The client library of Prometheus is not used because it appends `_total` to the names of counters, while
dashboards for TensorFlow Serving expect the names without it.
"""

import bisect
import itertools
import threading
from collections.abc import Iterator, Sequence

_ESCAPES = str.maketrans({'\\': r'\\', '"': r'\"', '\n': r'\n'})


class Counter:
    """A sum that only grows, for every combination of label values.

    Args:
        name: The name of the family.
        labels: The names of the labels.
    """

    def __init__(self, name: str, labels: Sequence[str]):
        self._name, self._labels = name, labels
        self._lock = threading.Lock()
        self._values: dict[tuple[str, ...], int] = {}

    def add(self, *labels: str, by: int = 1) -> None:
        """Adds `by` to the sum of these label values."""
        with self._lock:
            self._values[labels] = self._values.get(labels, 0) + by

    def lines(self) -> Iterator[str]:
        """The family as lines of text."""
        with self._lock:
            values = sorted(self._values.items())
        yield f'# TYPE {self._name} counter'
        for labels, value in values:
            yield f'{self._name}{_braces(self._labels, labels)} {value}'


class Histogram:
    """Counts of values per bucket, for every combination of label values.

    Args:
        name: The name of the family.
        labels: The names of the labels.
        bounds: The increasing upper bounds of the buckets; a last bucket holds the values above them.
    """

    def __init__(self, name: str, labels: Sequence[str], bounds: Sequence[float]):
        self._name, self._labels, self._bounds = name, labels, bounds
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def observe(self, value: float, *labels: str) -> None:
        """Counts one value."""
        bucket = bisect.bisect_left(self._bounds, value)
        with self._lock:
            if labels not in self._counts:
                self._counts[labels], self._sums[labels] = [0] * (len(self._bounds) + 1), 0.0
            self._counts[labels][bucket] += 1
            self._sums[labels] += value

    def lines(self) -> Iterator[str]:
        """The family as lines of text, with cumulative bucket counts."""
        with self._lock:
            series = sorted(
                (labels, list(counts), self._sums[labels]) for labels, counts in self._counts.items()
            )
        yield f'# TYPE {self._name} histogram'
        for labels, counts, total in series:
            for bound, count in zip([*self._bounds, '+Inf'], itertools.accumulate(counts)):
                braces = _braces([*self._labels, 'le'], [*labels, str(bound)])
                yield f'{self._name}_bucket{braces} {count}'
            braces = _braces(self._labels, labels)
            yield f'{self._name}_sum{braces} {total}'
            yield f'{self._name}_count{braces} {sum(counts)}'


def _braces(names: Sequence[str], values: Sequence[str]) -> str:
    pairs = ','.join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in zip(names, values))
    return f'{{{pairs}}}'
