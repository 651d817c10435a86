"""The attributes and vectors of all elements of a catalogue, in memory, by key."""

import numpy as np
from scipy import sparse

from model.content.element_contents import Catalogue


class ContentTable:
    """A row for each of E listed elements, and a last row, without any content, for all others.

    Vectors are centred and divided by the root mean square of the length of the centred vectors of their
    component, so that one prior fits vectors of any dimension and scale; an element without a vector has
    zeros.

    Args:
        catalogue: The catalogue.

    Attributes:
        attributes: 1 / sqrt(m) for each of the m attributes of an element, float64 [E + 1, V].
        attribute_columns: By component, the columns of its attributes.
        vectors: By component, the rows that have a vector, ascending, int64 [n], and their vectors, float32 [n, D].
    """

    def __init__(self, catalogue: Catalogue):
        listed = [np.zeros(0, np.int64), *(part.keys for part in catalogue.listed())]
        self._keys = np.unique(np.concatenate(listed))
        contents = catalogue.of(self._keys)
        matrices = [part.matrix for part in contents.attributes.values()]
        nothing = sparse.csr_matrix((1, sum(matrix.shape[1] for matrix in matrices)))
        joint = sparse.hstack([sparse.csr_matrix((len(self._keys), 0)), *matrices])
        self.attributes = sparse.vstack([joint, nothing]).tocsr()
        ends = np.cumsum([matrix.shape[1] for matrix in matrices]).tolist()
        self.attribute_columns = {
            name: slice(end - matrix.shape[1], end)
            for name, matrix, end in zip(contents.attributes, matrices, ends)
        }
        self.vectors = {}
        for name, (rows, vectors) in contents.vectors.items():
            order = np.argsort(rows)
            self.vectors[name] = rows[order], _scaled(np.asarray(vectors)[order])

    @property
    def size(self) -> int:
        """The number of rows, E + 1."""
        return len(self._keys) + 1

    def rows_of(self, keys: np.ndarray) -> np.ndarray:
        """The row of each key, int64 like `keys`."""
        if not len(self._keys):
            return np.zeros(np.shape(keys), np.int64)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[place] == keys, place, len(self._keys))


def _scaled(vectors: np.ndarray) -> np.ndarray:
    if not len(vectors):
        return vectors
    centred = vectors - vectors.mean(0, dtype=np.float64).astype(np.float32)
    return centred / (np.sqrt(np.square(centred).sum(1).mean()) or 1.0)
