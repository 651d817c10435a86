"""Sums over impressions of products of rows of a matrix."""

import numpy as np


def sums(group: np.ndarray, weight: np.ndarray, rows: np.ndarray, groups: int) -> np.ndarray:
    """The sum by group of weight x row, float64 [groups, D], for rows [R, D]."""
    return np.stack([np.bincount(group, weight * column, groups) for column in rows.T], 1)


def outer_sums(group: np.ndarray, weight: np.ndarray, rows: np.ndarray, groups: int) -> np.ndarray:
    """The sum by group of weight x row row', float64 [groups, D, D], for rows [R, D]."""
    dimensions = rows.shape[1]
    found = np.empty((groups, dimensions, dimensions))
    for a in range(dimensions):
        weighted = weight * rows[:, a]
        for b in range(a, dimensions):
            found[:, a, b] = found[:, b, a] = np.bincount(group, weighted * rows[:, b], groups)
    return found
