"""Counts the bad rows of a log by the rule that they break, and raises an error if there are too many."""

import math
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from creative_logs.checks.check_rows import REASON, rule_of
from creative_logs.errors import InputError
from creative_logs.schema import REQUEST_ID


@dataclass(frozen=True)
class RuleCount:
    """The rows that break one rule.

    Attributes:
        rule: The rule, as in `click must be 0 or 1`.
        rows: The number of rows that break it.
        file: The file that holds the first of these rows.
        example: The first of these rows by column name, including the column `reason`.
    """

    rule: str
    rows: int
    file: str
    example: dict[str, object]


@dataclass
class Tally:
    """Accumulates the counts of bad rows over batches of one or several files.

    Attributes:
        rows: The number of rows counted.
        bad_rows: The number of these rows that break a rule.
        rules: The broken rules, by rule.
    """

    rows: int = 0
    bad_rows: int = 0
    rules: dict[str, RuleCount] = field(default_factory=dict)

    def add(self, rows: int, bad: pa.RecordBatch, file: str) -> None:
        """Adds a batch.

        Args:
            rows: The number of all rows in the batch.
            bad: The bad rows of the batch, with the column `reason`.
            file: The name of the file that the batch was read from.
        """
        self.rows += rows
        self.bad_rows += bad.num_rows
        if bad.num_rows == 0:
            return
        broken = [rule_of(reason) for reason in bad[REASON].to_pylist()]
        rules, first, counts = np.unique(broken, return_index=True, return_counts=True)
        for rule, index, count in zip(rules.tolist(), first.tolist(), counts.tolist()):
            example = bad.slice(index, 1).to_pylist()[0]
            self._count(RuleCount(rule, count, file, {k: _readable(v) for k, v in example.items()}))

    def merge(self, other: 'Tally') -> None:
        """Adds the counts of another accumulator to this one."""
        self.rows += other.rows
        self.bad_rows += other.bad_rows
        for count in other.rules.values():
            self._count(count)

    def by_rows(self) -> tuple[RuleCount, ...]:
        """The broken rules, most frequent first."""
        return tuple(sorted(self.rules.values(), key=lambda count: (-count.rows, count.rule)))

    def refuse_above(self, max_bad_share: float, day: str) -> None:
        """Raises an error if too many rows are bad.

        Args:
            max_bad_share: The largest allowed share of bad rows.
            day: The day of the rows, for the message.

        Raises:
            InputError: More than `max_bad_share` of the rows are bad.
        """
        if self.bad_rows <= max_bad_share * self.rows:
            return
        worst = self.by_rows()[0]
        raise InputError(
            f'{worst.file}: {self.bad_rows:,} of {self.rows:,} rows of day {day} break the schema, more than '
            f'the allowed share of {max_bad_share:g}; most often: {worst.example[REASON]}, as in the '
            f'row with {REQUEST_ID} {worst.example[REQUEST_ID]!r}; fix the log (`genco check '
            f'--quarantine DIR` collects all bad rows) or raise checks.max_bad_share'
        )

    def _count(self, new: RuleCount) -> None:
        seen = self.rules.get(new.rule)
        if seen is not None:
            new = RuleCount(seen.rule, seen.rows + new.rows, seen.file, seen.example)
        self.rules[new.rule] = new


def _readable(value: object) -> object:
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
