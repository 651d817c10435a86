"""The policies that choose the shown elements: production (softmax of a belief) and uniform."""

import numpy as np

from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.world import Slots


def uniform_propensities(slots: Slots) -> np.ndarray:
    """The propensity 1 / number of candidates of each slot, float64[T]."""
    lengths = np.diff(slots.offsets)
    return np.repeat(1 / np.maximum(lengths, 1), lengths)


def production_propensities(slots: Slots, belief: np.ndarray, config: SimulatorConfig) -> np.ndarray:
    """The propensities of the production policy.

    The policy is the softmax over an ad's candidates of sharpness x belief - habit x position, mixed with
    uniform exploration.

    Args:
        slots: The candidates of A ads, T slots.
        belief: The policy's estimate of the quality of the element in each slot, float64[T].
        config: The configuration, with sharpness, habit and exploration.

    Returns:
        The propensities, which sum to 1 over the slots of each ad, float64[T].
    """
    ad = np.repeat(np.arange(len(slots.offsets) - 1), np.diff(slots.offsets))
    preference = np.exp(config.policy_sharpness * belief - config.policy_position_habit * slots.position)
    softmax = preference / np.bincount(ad, preference)[ad]
    explore = config.policy_exploration
    return explore * uniform_propensities(slots) + (1 - explore) * softmax


def choose(slots: Slots, propensities: np.ndarray, ads: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Draws one slot per row by inversion of the cumulative propensities.

    Args:
        slots: The candidates of A ads, T slots.
        propensities: The propensity of each slot, float64[T].
        ads: The index of each row's ad into the A ads, int64[R].
        uniforms: Uniform draws on [0, 1), float64[R].

    Returns:
        The slot of each row, -1 if its ad has none, int64[R].
    """
    first, end = slots.offsets[ads], slots.offsets[ads + 1]
    before = np.concatenate([[0], np.cumsum(propensities)])
    chosen = np.searchsorted(before, before[first] + uniforms, side='right') - 1
    return np.where(first == end, -1, np.clip(chosen, first, end - 1))
