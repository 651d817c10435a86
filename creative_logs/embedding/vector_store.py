"""Vectors in a temporary file, by key, so that memory does not grow with their dimension."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np


class VectorStore:
    """Vectors of one dimension by key. Its file has no name: it vanishes with the process, however that ends.

    Args:
        folder: A folder on a file system with room for the vectors, 4 bytes per number.
        dimensions: D, the length of a vector.
    """

    def __init__(self, folder: Path, dimensions: int):
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (it lives as long as the store)
        self._offsets: dict[int, int] = {}
        self._end = 0
        self.dimensions = dimensions

    def __contains__(self, key: int) -> bool:
        return key in self._offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def put(self, keys: Iterable[int], vectors: np.ndarray) -> None:
        """Adds vectors, float32 [K, D], under K new keys."""
        self._file.write(np.ascontiguousarray(vectors, np.float32).data)
        self._file.flush()
        for key in keys:
            self._offsets[key] = self._end
            self._end += 4 * self.dimensions

    def get(self, key: int) -> np.ndarray:
        """The vector with a key, float32 [D].

        Raises:
            KeyError: There is none.
        """
        stored = os.pread(self._file.fileno(), 4 * self.dimensions, self._offsets[key])
        return np.frombuffer(stored, np.float32)

    def close(self) -> None:
        """Removes the vectors."""
        self._file.close()
