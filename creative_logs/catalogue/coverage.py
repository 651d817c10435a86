"""Counts the candidates in logs that a catalogue lacks."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from creative_logs.catalogue.schema import COMPONENT, ELEMENT_ID
from creative_logs.checks.rules import holds
from creative_logs.schema import WEIGHT, LogSchema

_MOST_EXAMPLES = 10


@dataclass
class MissingElements:
    """The candidates of one component that the catalogue lacks.

    Attributes:
        ids: The number of distinct ids.
        impressions: The number of impressions that have at least one of them among their candidates.
        examples: The first ids that were found, at most 10.
    """

    ids: int = 0
    impressions: float = 0.0
    examples: list[str] = field(default_factory=list)


class CatalogueCoverage:
    """Compares the candidates in logs with the elements of a catalogue.

    Only a hash of each id is kept in memory.

    Args:
        schema: The log schema; components without content are left out.

    Attributes:
        impressions: The number of impressions compared; a row counts with its weight.
        missing: The candidates that the catalogue lacks, by component that has content.
    """

    def __init__(self, schema: LogSchema):
        self._components = schema.with_content
        self._known: dict[str, set[int]] = {component.name: set() for component in self._components}
        self._lacking: dict[str, set[int]] = {component.name: set() for component in self._components}
        self.impressions = 0.0
        self.missing = {component.name: MissingElements() for component in self._components}

    def add_elements(self, rows: pa.RecordBatch) -> None:
        """Adds elements of the catalogue, which are those that `CatalogueChecker.good_rows` yields."""
        names, ids = rows.column(COMPONENT), rows.column(ELEMENT_ID)
        for name, known in self._known.items():
            known.update(map(hash, ids.filter(pc.equal(names, name)).to_pylist()))

    def add_impressions(self, rows: pa.RecordBatch) -> None:
        """Compares rows of a log, after all elements were added.

        Args:
            rows: Good rows with the column `weight` and the candidates of the components with content, as
                `read_candidates` or `check` returns them.
        """
        weights = pc.fill_null(rows.column(WEIGHT), 1).to_numpy(zero_copy_only=False).astype(float)
        self.impressions += float(weights.sum())
        for component in self._components:
            candidates = rows.column(component.candidates)
            known = self._known[component.name]
            unknown = [i for i in pc.unique(candidates.flatten()).to_pylist() if hash(i) not in known]
            if unknown:
                listed = pa.array(unknown, pa.string())
                here = holds(candidates, lambda ids, listed=listed: pc.is_in(ids, listed))
                self._count(component.name, unknown, float(weights[here].sum()))

    def to_json(self) -> dict:
        """The result as plain numbers, strings, lists and mappings."""
        missing = {name: asdict(elements) for name, elements in self.missing.items()}
        return {'impressions': self.impressions, 'missing': missing}

    def _count(self, name: str, unknown: Iterable[str], impressions: float) -> None:
        lacking, missing = self._lacking[name], self.missing[name]
        for element in unknown:
            if hash(element) not in lacking and missing.ids < _MOST_EXAMPLES:
                missing.examples.append(element)
            lacking.add(hash(element))
            missing.ids = len(lacking)
        missing.impressions += impressions
