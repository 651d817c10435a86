"""Buffers for the results of one source, which are given out in shards; their memory is bounded."""

from collections.abc import Iterator

from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.rows.choice_rows import LoggedRows

_MOST_CLUSTERS = 1 << 14
_MOST_ROWS = 1 << 15


class Tables:
    """A buffer of cluster sums, which gives them out before they grow too large."""

    def __init__(self):
        self._tables: list[ClusterSums] = []
        self._clusters = 0

    def add(self, table: ClusterSums) -> Iterator[tuple[int, ClusterSums]]:
        """Adds a table, and gives out all tables if there are too many clusters."""
        self._tables.append(table)
        self._clusters += len(table.keys)
        if self._clusters > _MOST_CLUSTERS:
            self._tables = [ClusterSums.merged(self._tables)]
            self._clusters = len(self._tables[0].keys)
            if self._clusters > _MOST_CLUSTERS // 2:
                yield from self.flush()

    def flush(self) -> Iterator[tuple[int, ClusterSums]]:
        """Gives out all."""
        tables, self._tables, self._clusters = self._tables, [], 0
        if tables:
            yield from ClusterSums.merged(tables).shards()


class RowBuffer:
    """A buffer of rows to be joined, which gives them out before there are too many."""

    def __init__(self):
        self._parts: list[LoggedRows] = []

    def add(self, rows: LoggedRows) -> Iterator[tuple[int, LoggedRows]]:
        """Adds rows, and gives out all rows if there are too many."""
        self._parts.append(rows)
        if sum(len(part.request) for part in self._parts) > _MOST_ROWS:
            yield from self.flush()

    def flush(self) -> Iterator[tuple[int, LoggedRows]]:
        """Gives out all."""
        parts, self._parts = self._parts, []
        if parts:
            yield from LoggedRows.joined(parts).shards()
