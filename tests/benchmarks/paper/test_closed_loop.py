import numpy as np
import pytest

from benchmarks.paper.closed_loop import expected, serve, traffic
from creative_logs.schema import CLICK
from creative_logs.simulator.config import SimulatorConfig
from model.baselines import Uniform
from model.features import packed_batch as keys

CONFIG = SimulatorConfig(ads=30, users=100, days=4, rows=3000)
EXPLORATION = 0.3


class First:
    """Shows the first candidate of each component."""

    def choose(self, batch):
        return np.where(batch[keys.COUNTS].numpy() > 0, 0, -1)


@pytest.fixture(scope='module')
def world():
    return traffic(CONFIG, start_days=2, batch_size=512)


def joined(batches, key):
    return np.concatenate([batch[key].numpy() for batch in batches])


def test_start_and_days_share_out_the_production_days(world):
    assert sum(len(batch[CLICK]) for batch in world.start) == 2 * CONFIG.rows_of('train')
    assert [day.requests.log.num_rows for day in world.days] == [CONFIG.rows_of('train')] * 2
    days = [day.requests.log['request_id'][0].as_py()[:10] for day in world.days]
    assert days == [CONFIG.day_name(2), CONFIG.day_name(3)]


def test_propensities_are_how_often_each_element_is_shown(world):
    day = world.days[0]
    served, _ = serve(day, First(), EXPLORATION)
    shown, propensity = joined(served, keys.SHOWN), joined(served, keys.PROPENSITY)
    counts = day.requests.counts
    assert np.all(propensity[counts == 0] == 1) and np.all(shown[counts == 0] == -1)
    for n in (2, 3, 5):
        here = counts == n
        first = shown[here] == 0
        logged = propensity[here][first]
        assert np.allclose(logged, 1 - EXPLORATION * (n - 1) / n)
        assert first.mean() == pytest.approx(logged[0], abs=4 * np.sqrt(0.25 / here.sum()))
        assert np.allclose(propensity[here][~first], EXPLORATION / n)


def test_without_exploration_the_policy_always_has_its_way(world):
    served, _ = serve(world.days[0], First(), 0.0)
    counts = world.days[0].requests.counts
    np.testing.assert_array_equal(joined(served, keys.SHOWN), np.where(counts > 0, 0, -1))
    assert np.all(joined(served, keys.PROPENSITY) == 1)


def test_clicks_come_from_the_truth_and_what_was_shown_together_has_the_same_luck(world):
    day = world.days[0]
    first, _ = serve(day, First(), EXPLORATION)
    uniform, _ = serve(day, Uniform(), EXPLORATION)
    shown = joined(first, keys.SHOWN)
    ctr = day.requests.ctr(shown)
    assert joined(first, CLICK).mean() == pytest.approx(ctr.mean(), abs=4 * np.sqrt(ctr.mean() / len(ctr)))
    same = (shown == joined(uniform, keys.SHOWN)).all(1)
    assert (day.chance < EXPLORATION).sum() <= same.sum() < len(same)
    np.testing.assert_array_equal(joined(first, CLICK)[same], joined(uniform, CLICK)[same])


def test_uniform_choice_brings_what_is_expected_of_it(world):
    for day in world.days:
        _, figures = serve(day, Uniform(), EXPLORATION)
        uniform = expected(day, day.requests.uniform_ctr)
        assert figures['ctr'] == pytest.approx(uniform['ctr'], rel=0.05)
        assert figures['rpm'] == pytest.approx(uniform['rpm'], rel=0.05)


def test_a_click_on_an_ad_always_earns_the_same(world):
    for day in world.days:
        ads = np.array(day.requests.log['ad_id'].to_pylist())
        assert all(len(np.unique(day.bid[ads == ad])) == 1 for ad in np.unique(ads))
    bids = np.unique(world.days[0].bid)
    assert len(bids) > 20 and 0.7 < bids.mean() < 1.4
