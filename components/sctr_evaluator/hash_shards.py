"""Splits rows by the leading bits of a hash, so that Beam can join and merge each shard on its own."""

from collections.abc import Iterator

import numpy as np

_KEY_BITS = 62
HASH_RANGE = 1 << _KEY_BITS  # All hashes of the evaluator are at least 0 and below this.


def shards_of(keys: np.ndarray, bits: int) -> Iterator[tuple[int, np.ndarray]]:
    """The rows of each shard that is not empty.

    Args:
        keys: Hashes below 2^62, int64 [R].
        bits: The number of leading bits that identify a shard.

    Yields:
        The number of the shard, and the indices of its rows in their original order, int64.
    """
    shard = keys >> (_KEY_BITS - bits)
    order = np.argsort(shard, kind='stable')
    ordered = shard[order]
    for number in np.unique(shard):
        yield int(number), order[slice(*np.searchsorted(ordered, [number, number + 1]))]
