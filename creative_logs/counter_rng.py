"""Counter-based random numbers: functions of a seed and keys, so that no table of them is stored."""

import zlib

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


class Draws:
    """Counter-based draws: the same seed, purpose and integer keys always give the same value.

    Keys are integers or integer arrays that broadcast against each other; each purpose names an
    independent stream. The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).

    Args:
        seed: The seed of all streams.

    Example:
        >>> Draws(seed=1).integers(10, 'age', np.arange(4)).shape
        (4,)
    """

    def __init__(self, seed: int):
        self._seed = seed

    def bits(self, purpose: str, *keys) -> np.ndarray:
        """64 random bits per key, uint64."""
        with np.errstate(over='ignore'):
            state = _mix(
                np.asarray(np.uint64(self._seed) + np.uint64(zlib.crc32(purpose.encode())) * _GOLDEN)
            )
            for key in keys:
                state = _mix(state + np.asarray(key).astype(np.uint64) * _GOLDEN + _GOLDEN)
        return state

    def uniform(self, purpose: str, *keys) -> np.ndarray:
        """Uniform draws on the open interval (0, 1), float64."""
        return ((self.bits(purpose, *keys) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, purpose: str, *keys) -> np.ndarray:
        """Standard normal draws (Box and Muller 1958), float64."""
        radius = np.sqrt(-2 * np.log(self.uniform(f'{purpose}/radius', *keys)))
        return radius * np.cos(2 * np.pi * self.uniform(f'{purpose}/angle', *keys))

    def integers(self, high: int, purpose: str, *keys) -> np.ndarray:
        """Uniform draws on 0 ... high - 1, int64."""
        return (self.uniform(purpose, *keys) * high).astype(np.int64)


def _mix(state: np.ndarray) -> np.ndarray:
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))
