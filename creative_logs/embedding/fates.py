"""What becomes of the vector of each element: kept, reused, made or none."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import numpy as np

from creative_logs.catalogue.schema import COMPONENT, ELEMENT_ID, PICTURE, TEXT, VECTOR
from creative_logs.checks.rules import list_lengths, mask
from creative_logs.embedding.parts import Part, catalogue_parts
from creative_logs.embedding.sentence_encoder import clean_text
from creative_logs.embedding.sources import Source
from creative_logs.embedding.vector_store import VectorStore
from creative_logs.errors import InputError


class Fate(Enum):
    """The vector is the one of the input, the one of the earlier output, made by the encoder, or absent."""

    KEPT = 'kept'
    REUSED = 'reused'
    EMBEDDED = 'embedded'
    ABSENT = 'absent'


@dataclass(frozen=True)
class Selection:
    """Which elements to embed.

    Attributes:
        components: The components; None for all.
        column: What to embed of an element: `text` or `picture`.
        again: Whether to replace the vectors that the elements have already.
    """

    components: Set[str] | None = None
    column: str = TEXT
    again: bool = False

    def includes(self, component: str) -> bool:
        """Whether elements of the component are embedded."""
        return self.components is None or component in self.components


class Row(NamedTuple):
    """An element of the input.

    Attributes:
        component: The component; null in a faulty catalogue.
        fate: What becomes of its vector.
        key: The key of the vector in the store of the earlier output (reused) or of this run (embedded).
        value: The string to embed; '' where there is none.
    """

    component: str
    fate: Fate
    key: int
    value: str


class EarlierVectors:
    """The vectors of an earlier output that may be reused, in temporary files.

    Args:
        file: The earlier output; None for none.
        selection: The elements that are embedded now.
        source: The source of the vectors that are made now. Of components that are embedded now, vectors of
            another source are not reused.
        folder: The folder for the temporary files.

    Raises:
        InputError: The file is no catalogue, or vectors of one component differ in length.

    Attributes:
        sources: The sources of the vectors, by component.
    """

    def __init__(self, file: Path | None, selection: Selection, source: Source, folder: Path):
        self.sources: dict[str, Source] = {}
        self._stores: dict[str, VectorStore] = {}
        for part in catalogue_parts(file) if file is not None else ():
            for component, recorded in part.sources.items():
                if recorded == source or not selection.includes(component):
                    self.sources[component] = recorded
                    self._add(part, component, folder)

    def find(self, component: str, element: str, values: dict[str, str | None]) -> int | None:
        """The key of an element's vector; None if the element was absent, or had another text or picture."""
        store = self._stores.get(component)
        if store is None:
            return None
        key = hash((element, values[self.sources[component].column]))
        return key if key in store else None

    def get(self, component: str, key: int) -> np.ndarray:
        """The vector with a key, float32 [D]."""
        return self._stores[component].get(key)

    def close(self) -> None:
        """Removes the temporary files."""
        for store in self._stores.values():
            store.close()

    def _add(self, part: Part, component: str, folder: Path) -> None:
        names = np.array(part.strings(COMPONENT), object)
        chosen = np.flatnonzero((names == component) & mask(part.rows.column(VECTOR).is_valid()))
        if not len(chosen):
            return
        vectors = part.rows.column(VECTOR).take(chosen)
        lengths = list_lengths(vectors)
        store = self._stores.setdefault(component, VectorStore(folder, int(lengths[0])))
        if (lengths != store.dimensions).any():
            raise InputError(
                f'{part.origin}: vectors of component {component!r} have both {store.dimensions} and '
                f'{lengths[lengths != store.dimensions][0]} values; remove the file'
            )
        ids, values = part.strings(ELEMENT_ID), part.strings(self.sources[component].column)
        numbers = vectors.flatten().to_numpy(zero_copy_only=False)
        store.put((hash((ids[row], values[row])) for row in chosen), numbers.reshape(len(chosen), -1))


def find_fates(part: Part, selection: Selection, earlier: EarlierVectors) -> Iterator[Row]:
    """Yields what becomes of each row of a part, in their order.

    Raises:
        InputError: A string is not UTF-8.
    """
    columns = (part.strings(name) for name in (COMPONENT, ELEMENT_ID, TEXT, PICTURE))
    has_vector = mask(part.rows.column(VECTOR).is_valid())
    for component, element, text, picture, present in zip(*columns, has_vector):
        values = {TEXT: text, PICTURE: picture}
        value = values[selection.column] or ''
        to_embed = selection.includes(component) and clean_text(value) != ''
        if to_embed and selection.again:
            yield Row(component, Fate.EMBEDDED, hash(value), value)
        elif present:
            yield Row(component, Fate.KEPT, 0, value)
        elif (key := earlier.find(component, element, values)) is not None:
            yield Row(component, Fate.REUSED, key, value)
        elif to_embed:
            yield Row(component, Fate.EMBEDDED, hash(value), value)
        else:
            yield Row(component, Fate.ABSENT, 0, value)
