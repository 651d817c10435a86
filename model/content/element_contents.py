"""Reads the content of elements from a catalogue: terms of texts and attributes, and vectors."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from scipy import sparse

from creative_logs.catalogue.read import catalogue_files, read_catalogue
from creative_logs.catalogue.schema import ATTRIBUTES, COMPONENT, ELEMENT_ID, TEXT, VECTOR
from creative_logs.schema import Component, LogSchema
from model.features.content_keys import attribute_terms, element_keys, text_terms
from model.ops.vector_file import VectorFile

_COLUMNS = (COMPONENT, ELEMENT_ID, TEXT, ATTRIBUTES, VECTOR)


class Listed(NamedTuple):
    """E elements of one component as a catalogue lists them.

    Attributes:
        component: The component.
        keys: The keys of the elements, int64 [E].
        texts: The keys of the subwords of their texts, ragged int64 [E, any].
        attributes: The keys of their attributes, ragged int64 [E, any].
        has_vector: Which elements have a vector, bool [E].
        vectors: Their vectors, float32 [E, D], zero where they have none.
    """

    component: str
    keys: np.ndarray
    texts: tf.RaggedTensor
    attributes: tf.RaggedTensor
    has_vector: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True)
class TermMatrix:
    """The terms of one kind of E elements.

    Attributes:
        keys: The keys of the terms that occur, ascending, int64 [V].
        matrix: 1 / sqrt(n) for each of the n terms of an element, float64 [E, V].
    """

    keys: np.ndarray
    matrix: sparse.csr_matrix


@dataclass(frozen=True)
class ElementContents:
    """The content of E elements.

    Attributes:
        size: E.
        texts, attributes: By component, the terms of the texts and the attributes of the elements.
        vectors: By component, the elements that have a vector, int64 [V], and their vectors, float32 [V, D],
            a memory map of a temporary file.
    """

    size: int
    texts: Mapping[str, TermMatrix]
    attributes: Mapping[str, TermMatrix]
    vectors: Mapping[str, tuple[np.ndarray, np.ndarray]]


class Catalogue:
    """The content of the elements of a catalogue; it is read in batches, anew each time it is needed.

    Args:
        read: Returns the rows of the catalogue in batches, with the columns of
            `creative_logs.catalogue.schema`; they were checked before.
        schema: The log schema, which says what is read of which component.
    """

    def __init__(self, read: Callable[[], Iterator[pa.RecordBatch]], schema: LogSchema):
        self._read, self._schema = read, schema

    @classmethod
    def from_files(cls, path: str | Path, schema: LogSchema) -> Self:
        """The catalogue in a Parquet file, or in the Parquet files of a folder."""

        def read() -> Iterator[pa.RecordBatch]:
            for file in catalogue_files(path):
                yield from read_catalogue(file, _COLUMNS)

        return cls(read, schema)

    def listed(self, keys: np.ndarray | None = None) -> Iterator[Listed]:
        """Yields the elements of the components that have content, in batches of bounded size.

        Args:
            keys: The keys of the elements to yield, int64 in ascending order. If None, all are yielded.
        """
        for batch in self._read():
            names = batch.column(COMPONENT)
            for component in self._schema.with_content:
                rows = batch.filter(pc.equal(names, component.name))
                if rows.num_rows:
                    found = element_keys(component.name, _strings(rows.column(ELEMENT_ID))).numpy()
                    if keys is not None:
                        wanted = _among(found, keys)
                        rows, found = rows.filter(pa.array(wanted)), found[wanted]
                    if rows.num_rows:
                        yield _listed(component, found, rows)

    def of(self, keys: np.ndarray) -> ElementContents:
        """The content of the elements with the given keys, int64 [E]; unlisted ones have none."""
        order = np.argsort(keys)
        ordered = keys[order]
        texts = {c.name: _Terms() for c in self._schema.with_content}
        attributes = {c.name: _Terms() for c in self._schema.with_content}
        sizes = {c.name: c.content.vector for c in self._schema.with_content if c.content}
        vectors = {name: _Vectors(size) for name, size in sizes.items() if size}
        for part in self.listed(ordered):
            rows = order[np.searchsorted(ordered, part.keys)]
            texts[part.component].add(rows, part.texts)
            attributes[part.component].add(rows, part.attributes)
            if part.component in vectors:
                vectors[part.component].add(rows[part.has_vector], part.vectors[part.has_vector])
        return ElementContents(
            len(keys),
            {name: part.matrix(len(keys)) for name, part in texts.items()},
            {name: part.matrix(len(keys)) for name, part in attributes.items()},
            {name: part.joined() for name, part in vectors.items()},
        )


class _Terms:
    """Collects the terms of elements."""

    def __init__(self):
        self._rows, self._keys, self._values = [], [], []

    def add(self, rows: np.ndarray, terms: tf.RaggedTensor) -> None:
        lengths = terms.row_lengths().numpy()
        self._rows.append(np.repeat(rows, lengths))
        self._keys.append(terms.values.numpy())
        self._values.append(np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths))

    def matrix(self, elements: int) -> TermMatrix:
        if not self._keys:
            return TermMatrix(np.zeros(0, np.int64), sparse.csr_matrix((elements, 0)))
        keys, columns = np.unique(np.concatenate(self._keys), return_inverse=True)
        values = np.concatenate(self._values), (np.concatenate(self._rows), columns)
        return TermMatrix(keys, sparse.csr_matrix(values, (elements, len(keys))))


class _Vectors:
    """Collects the vectors of elements."""

    def __init__(self, dimensions: int):
        self._rows = [np.zeros(0, np.int64)]
        self._file = VectorFile(dimensions)

    def add(self, rows: np.ndarray, vectors: np.ndarray) -> None:
        self._rows.append(rows)
        self._file.add(vectors)

    def joined(self) -> tuple[np.ndarray, np.ndarray]:
        return np.concatenate(self._rows), self._file.mapped()


def _among(keys: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Which of the keys are in an ascending array, bool like `keys`."""
    if not len(ordered):
        return np.zeros(len(keys), bool)
    return ordered[np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)] == keys


def _listed(component: Component, keys: np.ndarray, rows: pa.RecordBatch) -> Listed:
    content = component.content
    assert content is not None, 'elements of components without content are passed over'
    nothing = tf.RaggedTensor.from_row_lengths(tf.zeros([0], tf.int64), tf.zeros([len(keys)], tf.int64))
    texts = attributes = nothing
    if content.text:
        texts = text_terms(component.name, _strings(rows.column(TEXT)))
    if content.attributes:
        attributes = attribute_terms(component.name, _lists(rows.column(ATTRIBUTES)))
    has_vector, vectors = _vectors(rows.column(VECTOR), content.vector)
    return Listed(component.name, keys, texts, attributes, has_vector, vectors)


def _strings(column: pa.Array) -> tf.Tensor:
    return tf.constant(np.asarray(pc.fill_null(column, ''), object), tf.string)


def _lists(column: pa.Array) -> tf.RaggedTensor:
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    return tf.RaggedTensor.from_row_lengths(_strings(column.flatten()), lengths.astype(np.int64))


def _vectors(column: pa.Array, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    present = column.is_valid().to_numpy(zero_copy_only=False)
    vectors = np.zeros((len(column), dimensions), np.float32)
    if dimensions and present.any():
        vectors[present] = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, dimensions)
    return present & bool(dimensions), vectors
