"""Vectors in a temporary file, so that memory does not grow with their number."""

import tempfile

import numpy as np


class VectorFile:
    """Collects vectors of D dimensions. Its file has no name: it vanishes with the last array that maps it.

    Args:
        dimensions: D.
    """

    def __init__(self, dimensions: int):
        self._dimensions, self._rows = dimensions, 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the memory map

    def add(self, vectors: np.ndarray) -> None:
        """Adds vectors, float [K, D]; they are kept as float32."""
        self._file.write(np.ascontiguousarray(vectors, np.float32).data)
        self._rows += len(vectors)

    def mapped(self) -> np.ndarray:
        """All vectors in the order in which they were added, float32 [V, D], a memory map."""
        self._file.flush()
        shape = (self._rows, self._dimensions)
        # An empty file cannot be mapped.
        return (
            np.memmap(self._file, np.float32, 'r', shape=shape) if self._rows else np.zeros(shape, np.float32)
        )
