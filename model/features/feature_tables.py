"""Assigns each feature its rows of the embedding tables and its place on the axes of a batch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from creative_logs.schema import LogSchema

SUBWORDS = '_subwords'
SUBWORD_COUNTS = '_subword_counts'
ELEMENT_KEYS = '_keys'
RAGGED_VALUES = '$ragged_values'  # the suffix of the names of ragged features in transformed examples


@dataclass(frozen=True)
class FeatureTables:
    """The features of a model and the number of table rows that each one needs.

    Several features share one variable, in which each has a separate range of rows, because one gather and
    one sparse update per step are much faster than one per feature.

    Attributes:
        ids: The number of rows of each id and category feature of the context; axis F of `context_ids`.
        numbers: The number features of the context.
        terms: The number of rows of each feature that is a list of hashed terms.
        components: The number of rows for the hashed elements of each component; axis M.
        frequent: The number of elements, of all components, that have a dedicated row; these rows follow the
            hashed ones.
        subwords: The number of rows for the hashed subwords of each component with texts in the logs.
        ad: The id feature that names the ad.
        max_candidates: The largest number of candidates N of a component.
        content: The number of dimensions of the vectors of each component whose elements the catalogue
            describes; 0 where they have no vectors.
        categories: The category features among `ids`.
    """

    ids: Mapping[str, int]
    numbers: tuple[str, ...]
    terms: Mapping[str, int]
    components: Mapping[str, int]
    frequent: int
    subwords: Mapping[str, int]
    ad: str
    max_candidates: int
    content: Mapping[str, int] = field(default_factory=dict)
    categories: tuple[str, ...] = ()

    @classmethod
    def from_schema(cls, schema: LogSchema, rows: Mapping[str, int], frequent: int) -> 'FeatureTables':
        """Combines the log schema with the table sizes that Transform found, keyed by transformed name."""
        context = schema.context
        return cls(
            ids={f.name: rows[f.name] for f in context if f.encoding in ('id', 'category')},
            numbers=tuple(f.name for f in context if f.encoding == 'number'),
            terms={f.name: rows[f.name] for f in context if f.encoding == 'terms'},
            components={c.name: rows[c.name] for c in schema.components},
            frequent=frequent,
            subwords={c.name: rows[c.name + SUBWORDS] for c in schema.components if c.text},
            content={c.name: c.content.vector for c in schema.components if c.content is not None},
            ad=schema.ad,
            max_candidates=schema.max_candidates,
            categories=tuple(f.name for f in context if f.encoding == 'category'),
        )

    @property
    def context_rows(self) -> int:
        """The number of rows of the context table, which holds the ids and then the terms."""
        return sum(self.ids.values()) + sum(self.terms.values())

    @property
    def element_rows(self) -> int:
        """The number of rows of the element table and of the element biases."""
        return self.frequent_start + self.frequent

    @property
    def frequent_start(self) -> int:
        """The first of the dedicated rows of frequent elements."""
        return sum(self.components.values())


def offsets(rows: Mapping[str, int], start: int = 0) -> dict[str, int]:
    """Returns the first row of each feature when the rows of the features follow each other from `start`."""
    first = {}
    for name, count in rows.items():
        first[name] = start
        start += count
    return first
