"""Where each feature lives: the rows of the embedding tables and the axes of a batch."""

from collections.abc import Mapping
from dataclasses import dataclass

from creative_logs.schema import LogSchema

SUBWORDS = '_subwords'
SUBWORD_COUNTS = '_subword_counts'
RAGGED_VALUES = '$ragged_values'  # Transform's ending of the names of ragged features in examples


@dataclass(frozen=True)
class Layout:
    """Features of a model and the number of rows each needs.

    Several features share one variable, each with rows of its own, because one gather and one sparse
    update per step are much faster than one per feature.

    Attributes:
        ids: id and category features of the context -> rows; axis F of `context_ids`.
        numbers: number features of the context.
        terms: features that are lists of hashed terms -> rows.
        components: components -> rows of their hashed elements; axis M.
        frequent: elements, of any component, that have a row of their own, behind the hashed ones.
        subwords: components with texts -> rows of their hashed subwords.
        ad: the id feature that names the ad.
        max_candidates: N.
    """

    ids: Mapping[str, int]
    numbers: tuple[str, ...]
    terms: Mapping[str, int]
    components: Mapping[str, int]
    frequent: int
    subwords: Mapping[str, int]
    ad: str
    max_candidates: int

    @classmethod
    def from_schema(cls, schema: LogSchema, rows: Mapping[str, int], frequent: int) -> 'Layout':
        """Combines the log schema with the table sizes that Transform found, by transformed name."""
        context = schema.context
        return cls(
            ids={f.name: rows[f.name] for f in context if f.encoding in ('id', 'category')},
            numbers=tuple(f.name for f in context if f.encoding == 'number'),
            terms={f.name: rows[f.name] for f in context if f.encoding == 'terms'},
            components={c.name: rows[c.name] for c in schema.components},
            frequent=frequent,
            subwords={c.name: rows[c.name + SUBWORDS] for c in schema.components if c.text},
            ad=schema.ad,
            max_candidates=schema.max_candidates,
        )

    @property
    def context_rows(self) -> int:
        """Rows of the context table: ids, then terms."""
        return sum(self.ids.values()) + sum(self.terms.values())

    @property
    def element_rows(self) -> int:
        """Rows of the element table, and of the element biases."""
        return self.frequent_start + self.frequent

    @property
    def frequent_start(self) -> int:
        """First row of the elements that have one of their own."""
        return sum(self.components.values())


def offsets(rows: Mapping[str, int], start: int = 0) -> dict[str, int]:
    """First row of each feature where the features' rows follow each other."""
    first = {}
    for name, count in rows.items():
        first[name] = start
        start += count
    return first
