import math

import numpy as np
import pytest

from creative_logs.simulator.config import TABLE_1, SimulatorConfig
from creative_logs.simulator.world import ABSENT, STYLES, World
from tests.creative_logs.simulator.examples import small_config

ADS = np.arange(20_000)
EXPOSURES_PER_ELEMENT_AND_DAY = {
    'title': 2.3,
    'image': 3.6,
    'marketing': 11.5,
    'highlight': 1.9,
    'structure_attribute': 1.0,
}


@pytest.fixture(scope='module')
def large_world() -> World:
    return World(SimulatorConfig(ads=len(ADS)))


@pytest.mark.parametrize('component', range(len(TABLE_1)))
def test_ads_are_shaped_like_table_1(large_world, component):
    shape = TABLE_1[component]
    slots = large_world.slots(component, ADS, day=3)
    lengths = np.diff(slots.offsets)
    covered = lengths[lengths > 0]
    assert len(covered) / len(ADS) == pytest.approx(shape.coverage, abs=0.015)
    assert covered.mean() == pytest.approx(shape.candidates, rel=0.02)
    assert lengths.max() <= 15
    assert len(slots.pool) / large_world.pool_size(component) == pytest.approx(
        shape.ads_per_element, rel=0.03
    )


@pytest.mark.parametrize('name', EXPOSURES_PER_ELEMENT_AND_DAY)
def test_exposures_per_element_are_near_table_1(large_world, name):
    """The attribute's 1.3 is left out: it cannot hold together with the other columns of Table 1."""
    config = large_world.config
    component = [c.name for c in TABLE_1].index(name)
    impressions = config.rows_of('train') + config.rows_of('test')
    exposures = impressions * TABLE_1[component].coverage / large_world.pool_size(component)
    assert exposures == pytest.approx(EXPOSURES_PER_ELEMENT_AND_DAY[name], rel=0.2)


@pytest.mark.parametrize('ads', [1, 3, 5000])
def test_the_candidates_of_an_ad_are_distinct(ads):
    world = World(SimulatorConfig(ads=ads))
    for component in range(len(TABLE_1)):
        slots = world.slots(component, np.arange(ads), day=0)
        ad = np.repeat(np.arange(ads), np.diff(slots.offsets))
        assert len(np.unique(np.stack([ad, slots.pool]), axis=1).T) == len(slots.pool)


def test_slots_of_some_ads_are_those_of_all_ads(large_world):
    every, some = large_world.slots(0, ADS, day=5), large_world.slots(0, np.array([17, 4]), day=5)
    for place, ad in enumerate((17, 4)):
        expected = every.pool[every.offsets[ad] : every.offsets[ad + 1]]
        assert some.pool[some.offsets[place] : some.offsets[place + 1]].tolist() == expected.tolist()
    assert some.position.tolist() == [*range(some.offsets[1]), *range(some.offsets[2] - some.offsets[1])]


@pytest.mark.parametrize('share', [0.0, 0.03, 0.3, 1.0])
def test_a_share_of_the_elements_is_new_every_day(share):
    world = World(SimulatorConfig(ads=3000, new_elements_per_day=share))
    days = [world.slots(0, np.arange(3000), day) for day in range(4)]
    for today, tomorrow in zip(days, days[1:]):
        assert today.pool.tolist() == tomorrow.pool.tolist()
        assert (tomorrow.generation >= today.generation).all()
        assert (tomorrow.generation != today.generation).mean() == pytest.approx(share, abs=0.02)


def test_traffic_goes_with_appeal_and_appeal_with_nothing_that_can_be_chosen(large_world):
    appeal = large_world.ad_appeal(ADS)
    assert appeal.std() == pytest.approx(0.6, rel=0.05)
    assert np.corrcoef(appeal, np.log(large_world.ad_traffic()))[0, 1] == pytest.approx(0.5, abs=0.03)
    slots = large_world.slots(0, ADS, day=0)
    quality = large_world.elements(0, slots.pool, slots.generation).quality
    mean_quality = np.add.reduceat(quality, slots.offsets[:-1]) / np.diff(slots.offsets)
    assert abs(np.corrcoef(appeal, mean_quality)[0, 1]) < 0.03


def test_belief_of_the_policy_is_as_accurate_as_configured():
    world = World(small_config(policy_accuracy=0.7))
    pool, generation = np.arange(50_000), np.zeros(50_000, int)
    quality = world.elements(1, pool, generation).quality
    belief = world.belief(1, pool, generation, quality)
    assert np.corrcoef(belief, quality)[0, 1] == pytest.approx(0.7, abs=0.02)
    assert belief.std() == pytest.approx(1, abs=0.02)


def test_synergy_has_no_main_effect_and_the_configured_spread():
    world = World(small_config(synergy_std=0.3))
    assert set(world.synergy) == {(0, 1), (0, 2), (1, 2)}
    for table in world.synergy.values():
        inside = table[:STYLES, :STYLES]
        assert inside.mean(axis=0) == pytest.approx(0, abs=1e-12)
        assert inside.mean(axis=1) == pytest.approx(0, abs=1e-12)
        assert inside.std() == pytest.approx(0.3)
        assert not table[ABSENT].any() and not table[:, ABSENT].any()


def test_segments_follow_from_age_and_gender():
    world = World(small_config())
    users = np.arange(5000)
    segment, age, gender = world.user_segment(users), world.user_age(users), world.user_gender(users)
    bracket = [0 if a < 30 else 1 if a < 40 else 2 if a < 50 else 3 for a in age]
    assert segment.tolist() == [4 * g + b for g, b in zip(gender, bracket)]
    assert (age.min(), age.max()) == (18, 69)


def test_importance_of_every_category_has_the_same_mean_square():
    world = World(SimulatorConfig())
    assert (world.importance**2).mean(axis=1) == pytest.approx(1)


def test_the_logit_is_the_documented_sum():
    config = small_config()
    world = World(config, intercept=-2.0)
    ads, users, queries = np.array([0, 5, 9]), np.array([3, 4, 5]), np.array([0, 7, 2])
    context = world.context(ads, users, queries)
    elements = [world.elements(j, np.arange(8), np.zeros(8, int)) for j in range(3)]
    picks = np.array([[0, 1, 2], [3, 4, -1], [7, 7, 7]])
    base = World(config, intercept=-2.0).logit(context, elements, np.full((3, 3), -1))
    for i, logit in enumerate(world.logit(context, elements, picks)):
        expected = base[i]
        styles = {}
        for j, pick in enumerate(picks[i]):
            if pick >= 0:
                styles[j] = elements[j].style[pick]
                taste = world._taste[context.segment[i], j, elements[j].theme[pick]]
                effect = 0.5 * elements[j].quality[pick] + taste
                expected += world.importance[context.category[i], j] * effect
        for j in styles:
            for l in styles:
                if j < l:
                    expected += world.synergy[j, l][styles[j], styles[l]]
        assert math.isclose(logit, expected)
    appeal = base - world.context(np.array([0, 0, 0]), users, queries).offset
    assert appeal == pytest.approx(world.ad_appeal(ads) - world.ad_appeal(np.array([0])))
