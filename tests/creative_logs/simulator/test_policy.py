import numpy as np
import pytest

from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.policy import choose, production_propensities, uniform_propensities
from creative_logs.simulator.world import Slots

LENGTHS = np.array([3, 0, 1, 4, 0])
SLOTS = Slots(np.concatenate([[0], np.cumsum(LENGTHS)]), np.arange(8), np.zeros(8, int))
BELIEF = np.array([0.3, -1.2, 2.0, 0.5, 0.1, -0.4, 1.1, 0.0])


def test_uniform_is_one_over_n():
    assert uniform_propensities(SLOTS).tolist() == [1 / 3] * 3 + [1] + [1 / 4] * 4


def test_production_is_a_softmax_with_habit_and_exploration():
    config = SimulatorConfig(policy_sharpness=1.5, policy_position_habit=0.2, policy_exploration=0.1)
    found = production_propensities(SLOTS, BELIEF, config)
    expected = []
    for first, n in ((0, 3), (3, 1), (4, 4)):
        weights = [np.exp(1.5 * BELIEF[first + k] - 0.2 * k) for k in range(n)]
        expected += [0.1 / n + 0.9 * w / sum(weights) for w in weights]
    assert found == pytest.approx(expected)


def test_elements_are_chosen_as_often_as_their_propensity_says():
    propensities = np.array([0.2, 0.5, 0.3, 1.0, 0.1, 0.2, 0.3, 0.4])
    ads = np.tile(np.arange(5), 40_000)
    chosen = choose(SLOTS, propensities, ads, np.random.default_rng(1).random(len(ads)))
    assert (chosen[np.isin(ads, (1, 4))] == -1).all()
    for slot, propensity in enumerate(propensities):
        ad = np.searchsorted(SLOTS.offsets, slot, side='right') - 1
        assert (chosen[ads == ad] == slot).mean() == pytest.approx(propensity, abs=0.012)


def test_the_ends_of_the_unit_interval_choose_the_first_and_the_last_slot():
    ads = np.array([0, 3, 0, 3])
    uniforms = np.array([0, 0, 1 - 1e-16, 1 - 1e-16])
    assert choose(SLOTS, uniform_propensities(SLOTS), ads, uniforms).tolist() == [0, 4, 2, 7]
