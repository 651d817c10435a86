"""Design matrices of the linear terms of an element's effect: rows are elements, columns are weights."""

from collections.abc import Iterator
from typing import Protocol, Self

import numpy as np
from scipy import sparse

from model.ops.vector_file import VectorFile

_CHUNK_ROWS = 1 << 15


class LinearTerms(Protocol):
    """A design matrix X of E elements and W weights.

    Attributes:
        size: W.
    """

    size: int

    def effect(self, weights: np.ndarray) -> np.ndarray:
        """X w, float64 [E], for weights float64 [W]."""
        ...

    def sums(self, per_element: np.ndarray) -> np.ndarray:
        """X' v, float64 [W], for values float64 [E]."""
        ...

    def sums_of_squares(self, per_element: np.ndarray) -> np.ndarray:
        """The sum over elements of x^2 v, float64 [W], for values float64 [E]."""
        ...

    def averaged(self, weights: sparse.csr_matrix) -> Self:
        """The design matrix of groups of elements: means over those of their elements that have the terms.

        Args:
            weights: The weight of each element in each group, at least 0, [groups, E].
        """
        ...


class SparseTerms:
    """Terms of which each element has a few, such as the words of its text.

    Weights and values may have further axes: [W, any] and [E, any].

    Args:
        matrix: X, float64 [E, W].
    """

    def __init__(self, matrix: sparse.csr_matrix):
        self._matrix, self._transposed = matrix.tocsr(), matrix.T.tocsr()
        self.size = matrix.shape[1]

    def effect(self, weights: np.ndarray) -> np.ndarray:
        return self._matrix @ weights

    def sums(self, per_element: np.ndarray) -> np.ndarray:
        return self._transposed @ per_element

    def sums_of_squares(self, per_element: np.ndarray) -> np.ndarray:
        return self._transposed.power(2) @ per_element

    def averaged(self, weights: sparse.csr_matrix) -> 'SparseTerms':
        has_terms = weights @ (self._matrix.getnnz(1) > 0)
        means = sparse.diags_array(1 / np.maximum(has_terms, np.finfo(float).tiny)) @ (weights @ self._matrix)
        return SparseTerms(sparse.csr_matrix(means))


class VectorTerms:
    """The dimensions of vectors, centred, and divided by the root mean square of their length.

    An element without a vector has the mean vector and thus no effect. The vectors may lie in a memory map:
    they are read in chunks, so that the memory needed does not depend on their number.

    Args:
        elements: The number of elements E.
        rows: The elements that have a vector, int64 [V].
        vectors: Their vectors, float32 [V, W].

    Attributes:
        size: W.
        mean: The mean vector, float64 [W].
        scale: The root mean square of the length of the centred vectors; 1 where all vectors are equal.
    """

    def __init__(self, elements: int, rows: np.ndarray, vectors: np.ndarray):
        self._elements, self._rows, self._vectors = elements, rows, vectors
        self.size = vectors.shape[1]
        count = max(len(rows), 1)
        total = np.zeros(self.size)
        square = 0.0
        for _, chunk in self._chunks():
            total += chunk.sum(0, dtype=np.float64)
            square += float(np.einsum('ij,ij->', chunk, chunk, dtype=np.float64))
        self.mean = total / count
        self.scale = max(float(square / count - self.mean @ self.mean), 0.0) ** 0.5 or 1.0

    def effect(self, weights: np.ndarray) -> np.ndarray:
        scaled = weights / self.scale
        found = np.zeros(self._elements)
        for part, chunk in self._chunks():
            found[self._rows[part]] = chunk @ scaled.astype(np.float32) - self.mean @ scaled
        return found

    def sums(self, per_element: np.ndarray) -> np.ndarray:
        total = np.zeros(self.size)
        values = per_element[self._rows]
        for part, chunk in self._chunks():
            total += chunk.T @ values[part].astype(np.float32)
        return (total - self.mean * values.sum()) / self.scale

    def sums_of_squares(self, per_element: np.ndarray) -> np.ndarray:
        total = np.zeros(self.size)
        values = per_element[self._rows]
        for part, chunk in self._chunks():
            total += np.square(chunk - self.mean.astype(np.float32)).T @ values[part].astype(np.float32)
        return total / self.scale**2

    def averaged(self, weights: sparse.csr_matrix) -> 'VectorTerms':
        own = weights[:, self._rows]
        total = np.asarray(own.sum(1)).ravel()
        rows = np.flatnonzero(total)
        own = own[rows]
        file = VectorFile(self.size)
        for start in range(0, len(rows), _CHUNK_ROWS):
            part = slice(start, start + _CHUNK_ROWS)
            file.add((own[part] @ self._vectors) / total[rows[part], None])
        return VectorTerms(weights.shape[0], rows, file.mapped())

    def _chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        for start in range(0, len(self._rows), _CHUNK_ROWS):
            part = slice(start, start + _CHUNK_ROWS)
            yield part, self._vectors[part]
