"""Sums of values of impressions by pairs, such as those of an element and a profile."""

from typing import Self

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

_SEED = 1
_TINY = np.finfo(float).tiny


class PairSums:
    """Sums values of R impressions by the pair of numbers that each has.

    Args:
        inverse: The place of the pair of each impression among the distinct pairs, int64 [R].
        row, column: The distinct pairs, int64 [P].
        shape: The upper bounds of the numbers.
    """

    def __init__(self, inverse: np.ndarray, row: np.ndarray, column: np.ndarray, shape: tuple[int, int]):
        self._inverse, self._row, self._column, self._shape = inverse, row, column, shape

    @classmethod
    def of(cls, row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> Self:
        """The sums by pairs of `row` and `column`, int [R]."""
        joint, inverse = np.unique(row.astype(np.int64) * shape[1] + column, return_inverse=True)
        return cls(inverse, *np.divmod(joint, shape[1]), shape)

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct pairs, int64 [P] each."""
        return self._row, self._column

    def totals(self, values: np.ndarray) -> np.ndarray:
        """The sums of values, float64 [R], by distinct pair, float64 [P]."""
        return np.bincount(self._inverse, values, len(self._row))

    def spread(self, of_pairs: np.ndarray) -> np.ndarray:
        """The value of the pair of each impression, [R], for values by distinct pair, [P]."""
        return of_pairs[self._inverse]

    def matrix(self, values: np.ndarray) -> sparse.csr_matrix:
        """The sums of values, float64 [R], as a matrix of the given shape."""
        starts = np.searchsorted(self._row, np.arange(self._shape[0] + 1))
        return sparse.csr_matrix((self.totals(values), self._column, starts), self._shape)


def standardised(value: sparse.csr_matrix, information: sparse.csr_matrix) -> sparse.csr_matrix:
    """value / sqrt(information), whose entries have a variance of 1 where there is only noise.

    Rows and columns without information are left out of neither; they are zero.
    """
    root = sparse.csr_matrix(information)
    root.data = np.maximum(root.data, _TINY) ** -0.5
    return sparse.csr_matrix(value).multiply(root).tocsr()


def leading(matrix: sparse.csr_matrix, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The leading left singular vectors, [rows, K], singular values, [K], and right vectors, [columns, K].

    K is `count`, or less if the matrix is smaller. The values come in descending order.
    """
    if min(matrix.shape) <= 4 * count:
        left, values, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
    else:
        left, values, right = svds(matrix, count, rng=np.random.default_rng(_SEED))
    order = np.argsort(-values)[:count]
    return left[:, order], values[order], right[order].T
