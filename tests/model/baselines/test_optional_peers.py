"""The optional peers are there exactly where what they need is installed."""

from importlib.util import find_spec

import numpy as np
import pytest

from model.baselines import left_out, peers
from tests.model.baselines.logs import TABLES, World, all_ads

NEEDED = {'vowpal_wabbit': 'vowpalwabbit', 'gradient_boosted_trees': 'catboost'}


@pytest.mark.parametrize('name', NEEDED)
def test_is_a_peer_or_named_as_left_out(name):
    present = find_spec(NEEDED[name]) is not None
    assert (name in peers(TABLES)) == present
    assert (name in left_out()) != present


@pytest.mark.parametrize('name', NEEDED)
def test_learns_what_is_worth_choosing(name):
    if find_spec(NEEDED[name]) is None:
        pytest.skip(f'{NEEDED[name]} is not installed')
    world = World()
    policy = peers(TABLES)[name]
    policy.fit(world.log(20_000))
    chosen = policy.choose(all_ads())
    gain = [effects[np.arange(len(chosen)), chosen[:, j]] for j, effects in enumerate(world.effects)]
    best = [effects.max(1) for effects in world.effects]
    average = [effects.mean(1) for effects in world.effects]
    assert np.sum(gain) - np.sum(average) > 0.6 * (np.sum(best) - np.sum(average))
