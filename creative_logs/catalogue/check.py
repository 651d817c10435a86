"""Checks an element catalogue row by row, and counts what it says."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creative_logs.catalogue.read import catalogue_files, read_catalogue
from creative_logs.catalogue.schema import ATTRIBUTES, COMPONENT, ELEMENT_ID, TEXT, VECTOR
from creative_logs.checks.bad_row_counts import RuleCount, Tally
from creative_logs.checks.check_rows import REASON, separate
from creative_logs.checks.rules import Fault, holds, list_lengths, mask
from creative_logs.errors import InputError
from creative_logs.schema import Content, LogSchema


@dataclass
class ContentCounts:
    """What the catalogue says about the elements of one component.

    Attributes:
        elements: The number of elements.
        texts, attributes, vectors: The numbers of these elements that have a text other than '', at least
            one attribute, and a vector.
    """

    elements: int = 0
    texts: int = 0
    attributes: int = 0
    vectors: int = 0

    def add(self, rows: pa.RecordBatch, here: np.ndarray) -> None:
        """Counts the rows of the component, which are those where `here`, bool[R], is true."""
        has_text = mask(pc.fill_null(pc.not_equal(rows.column(TEXT), ''), False))
        self.elements += int(np.count_nonzero(here))
        self.texts += int(np.count_nonzero(here & has_text))
        self.attributes += int(np.count_nonzero(here & (list_lengths(rows.column(ATTRIBUTES)) > 0)))
        self.vectors += int(np.count_nonzero(here & mask(rows.column(VECTOR).is_valid())))


@dataclass
class CatalogueReport:
    """The result of a check.

    Attributes:
        tally: The numbers of rows and of bad rows, and the rules that they break.
        components: What the catalogue says, by component of the log schema that has content.
        unused: The number of elements of other components, by component.
    """

    tally: Tally = field(default_factory=Tally)
    components: dict[str, ContentCounts] = field(default_factory=dict)
    unused: dict[str, int] = field(default_factory=dict)

    def refuse_above(self, max_bad_share: float) -> None:
        """Raises an error if too many rows are bad.

        Raises:
            InputError: More than `max_bad_share` of the rows are bad.
        """
        if self.tally.bad_rows <= max_bad_share * self.tally.rows:
            return
        worst = self.tally.by_rows()[0]
        raise InputError(
            f'{worst.file}: {self.tally.bad_rows:,} of {self.tally.rows:,} elements of the catalogue break a '
            f'rule, more than the allowed share of {max_bad_share:g}; most often: {worst.example[REASON]}, '
            f'as in the element {worst.example[ELEMENT_ID]!r} of component {worst.example[COMPONENT]!r}; '
            'correct the catalogue or raise checks.max_bad_share'
        )

    def to_json(self) -> dict:
        """The report as plain numbers, strings, lists and mappings."""
        rules = [asdict(RuleCount(r.rule, r.rows, r.file, r.example)) for r in self.tally.by_rows()]
        return {
            'elements': self.tally.rows - self.tally.bad_rows,
            'bad_elements': self.tally.bad_rows,
            'rules': rules,
            'components': {name: asdict(counts) for name, counts in self.components.items()},
            'unused': self.unused,
        }


class CatalogueChecker:
    """Separates the good rows of a catalogue from the bad ones, and counts both.

    An element that is listed twice is bad the second time. To notice that, a hash of each element is kept.

    Args:
        schema: The log schema, which says for which components the catalogue is read.

    Attributes:
        report: The result for all rows read so far.
    """

    def __init__(self, schema: LogSchema):
        self._contents: Mapping[str, Content] = {
            component.name: component.content
            for component in schema.components
            if component.content is not None
        }
        self._seen: set[int] = set()
        self.report = CatalogueReport(components={name: ContentCounts() for name in self._contents})

    def good_rows(self, path: str | Path) -> Iterator[pa.RecordBatch]:
        """Yields the good rows of the components that have content, with the columns of the catalogue.

        Args:
            path: A Parquet file, or a folder of such files.

        Raises:
            InputError: A file cannot be read, or a column is unknown, missing or of the wrong type.
        """
        for file in catalogue_files(path):
            for batch in read_catalogue(file):
                good, bad = separate(batch, self._faults)
                self.report.tally.add(batch.num_rows, bad, str(file))
                yield self._counted(good)

    def _counted(self, good: pa.RecordBatch) -> pa.RecordBatch:
        names = good.column(COMPONENT)
        for name, number in zip(*np.unique(names.to_numpy(zero_copy_only=False), return_counts=True)):
            if name in self.report.components:
                self.report.components[name].add(good, mask(pc.equal(names, name)))
            else:
                self.report.unused[name] = self.report.unused.get(name, 0) + int(number)
        read = mask(pc.is_in(names, pa.array(list(self._contents), pa.string())))
        return good if read.all() else good.filter(pa.array(read))

    def _faults(self, batch: pa.RecordBatch) -> Iterator[Fault]:
        for name in (COMPONENT, ELEMENT_ID):
            column = batch.column(name)
            empty = mask(pc.fill_null(pc.equal(column, ''), True))
            yield Fault(empty, f'{name} must be a string other than ""', column)
        ids = batch.column(ELEMENT_ID)
        yield Fault(self._repeated(batch), f'{ELEMENT_ID} must be unique within its component', ids)
        attributes, vectors = batch.column(ATTRIBUTES), batch.column(VECTOR)
        yield Fault(holds(attributes, pc.is_null), f'{ATTRIBUTES} holds a null', attributes)
        empty = holds(attributes, lambda values: pc.equal(values, ''))
        yield Fault(empty, f'{ATTRIBUTES} holds an empty string', attributes)
        several_lines = holds(attributes, lambda values: pc.match_substring(values, '\n'))
        yield Fault(
            several_lines, f'{ATTRIBUTES} holds a line break', attributes
        )  # Requests join them with it.
        yield from self._vector_length_faults(batch.column(COMPONENT), vectors)
        not_finite = holds(vectors, lambda values: pc.invert(pc.fill_null(pc.is_finite(values), False)))
        yield Fault(not_finite, f'{VECTOR} must hold finite numbers', vectors)

    def _vector_length_faults(self, names: pa.Array, vectors: pa.Array) -> Iterator[Fault]:
        lengths, present = list_lengths(vectors), mask(vectors.is_valid())
        for name, content in self._contents.items():
            if content.vector:
                here = mask(pc.fill_null(pc.equal(names, name), False))
                wrong = here & present & (lengths != content.vector)
                rule = f'{VECTOR} of {name} must have {content.vector} values (content.vector)'
                yield Fault(wrong, rule, pa.array(lengths))

    def _repeated(self, batch: pa.RecordBatch) -> np.ndarray:
        repeated = np.zeros(batch.num_rows, bool)
        pairs = zip(batch.column(COMPONENT).to_pylist(), batch.column(ELEMENT_ID).to_pylist())
        for row, pair in enumerate(pairs):
            key = hash(pair)  # of 64 bits: a million elements collide with a probability of 3e-8
            if key in self._seen:
                repeated[row] = True
            self._seen.add(key)
        return repeated
