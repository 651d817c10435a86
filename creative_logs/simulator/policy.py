"""The policies that choose what the simulated logs show: production (softmax of a belief) and uniform."""

import numpy as np

from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.world import Slots


def uniform_propensities(slots: Slots) -> np.ndarray:
    """1 / number of candidates, per slot: float64[T]."""
    lengths = np.diff(slots.offsets)
    return np.repeat(1 / np.maximum(lengths, 1), lengths)


def production_propensities(slots: Slots, belief: np.ndarray, config: SimulatorConfig) -> np.ndarray:
    """Softmax over an ad's candidates of sharpness x belief - habit x position, mixed with exploration.

    Args:
        slots: the candidates of A ads, T slots.
        belief: what the policy believes of the element in each slot, float64[T].
        config: gives sharpness, habit and exploration.

    Returns:
        float64[T], summing to 1 over the slots of each ad.
    """
    ad = np.repeat(np.arange(len(slots.offsets) - 1), np.diff(slots.offsets))
    preference = np.exp(config.policy_sharpness * belief - config.policy_position_habit * slots.position)
    softmax = preference / np.bincount(ad, preference)[ad]
    explore = config.policy_exploration
    return explore * uniform_propensities(slots) + (1 - explore) * softmax


def choose(slots: Slots, propensities: np.ndarray, ads: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Draws one slot per row by inversion of the cumulative propensities.

    Args:
        slots: the candidates of A ads.
        propensities: per slot, float64[T].
        ads: index of each row's ad into the A ads, int64[R].
        uniforms: uniform draws on [0, 1), float64[R].

    Returns:
        slot of each row, -1 where its ad has none: int64[R].
    """
    first, end = slots.offsets[ads], slots.offsets[ads + 1]
    before = np.concatenate([[0], np.cumsum(propensities)])
    chosen = np.searchsorted(before, before[first] + uniforms, side='right') - 1
    return np.where(first == end, -1, np.clip(chosen, first, end - 1))
