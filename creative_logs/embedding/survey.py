"""Looks through all elements before any is embedded: counts them, and refuses to mix vectors of two encoders."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from creative_logs.catalogue.schema import VECTOR
from creative_logs.checks.rules import list_lengths
from creative_logs.embedding.fates import EarlierVectors, Fate, Selection, find_fates
from creative_logs.embedding.parts import Part
from creative_logs.embedding.sources import Source
from creative_logs.errors import InputError


@dataclass
class ComponentCounts:
    """The numbers of elements of a component by what becomes of their vectors.

    Attributes:
        kept: Elements whose vector is the one of the input.
        reused: Elements whose vector is the one of the earlier output.
        embedded: Elements whose vector the encoder makes.
        absent: Elements without a vector.
    """

    kept: int = 0
    reused: int = 0
    embedded: int = 0
    absent: int = 0

    def add(self, fate: Fate) -> None:
        """Counts one element."""
        setattr(self, fate.value, getattr(self, fate.value) + 1)


@dataclass
class Survey:
    """What all elements of an input are, and where their vectors come from.

    Attributes:
        counts: The numbers of elements, by component.
        values: The keys of the values to embed.
        origins: Of each component, the sources of its vectors, None where it is not recorded, and the first
            file that has one.
        lengths: Of each component, the lengths of the vectors that are kept.
    """

    counts: dict[str, ComponentCounts] = field(default_factory=lambda: defaultdict(ComponentCounts))
    values: set[int] = field(default_factory=set)
    origins: dict[str, dict[Source | None, str]] = field(default_factory=lambda: defaultdict(dict))
    lengths: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def sources(self) -> dict[str, Source]:
        """The source of the vectors of each component, where it is known."""
        return {name: source for name, origins in self.origins.items() for source in origins if source}

    def refuse_mixtures(self, dimensions: int) -> None:
        """Raises an error if a component would have vectors of two sources or lengths.

        Args:
            dimensions: The length of the vectors that are made.

        Raises:
            InputError: A component would have them; the message names both.
        """
        for name, origins in self.origins.items():
            if len(origins) > 1:
                (first, origin), (second, _) = list(origins.items())[:2]
                raise InputError(
                    f'{origin}: component {name!r} would have vectors of both {_describe(first)} and '
                    f'{_describe(second)}; embed all of it again with --all, or name other components with '
                    '--component'
                )
            others = self.lengths[name] - {dimensions}
            if self.counts[name].embedded and others:
                raise InputError(
                    f'{next(iter(origins.values()))}: component {name!r} has a vector of {min(others)} values, '
                    f'and the encoder makes {dimensions}; embed all of it again with --all'
                )


def survey(parts: Iterable[Part], selection: Selection, made: Source, earlier: EarlierVectors) -> Survey:
    """Looks through all elements of an input.

    Args:
        parts: The input.
        selection: The elements to embed.
        made: The source of the vectors that are made.
        earlier: The vectors of the earlier output.

    Raises:
        InputError: The input cannot be read, or a component that is named has no elements.
    """
    found, origin = Survey(), 'the input'
    for part in parts:
        origin = part.origin
        lengths = list_lengths(part.rows.column(VECTOR))
        for row, length in zip(find_fates(part, selection, earlier), lengths.tolist()):
            found.counts[row.component].add(row.fate)
            if row.fate is Fate.ABSENT:
                continue
            source: Source | None = made
            if row.fate is Fate.KEPT:
                source = part.sources.get(row.component)
                found.lengths[row.component].add(length)
            elif row.fate is Fate.REUSED:
                source = earlier.sources[row.component]
            else:
                found.values.add(row.key)
            found.origins[row.component].setdefault(source, origin)
    for name in sorted((selection.components or set()) - found.counts.keys()):
        known = ', '.join(sorted(map(repr, found.counts))) or 'none'
        raise InputError(f'{origin}: no element of component {name!r}; it has elements of {known}')
    return found


def _describe(source: Source | None) -> str:
    return 'an encoder that is not recorded' if source is None else str(source)
