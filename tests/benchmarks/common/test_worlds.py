"""The worlds that are asked for replace the defaults, and have the density asked for."""

import pytest

from benchmarks.common.worlds import Density, Worlds, world_of
from creative_logs.errors import InputError

DEFAULTS = (Density(500, 600), Density(100, 2000), Density(20, 6000))


def asked_for(**given) -> Worlds:
    nothing = {'ads': None, 'impressions': None, 'seeds': None, 'properties': None, 'catalogue': False}
    return Worlds.asked_for(DEFAULTS, 6, **({'seed': 1} | nothing | given))


def test_defaults_are_kept_where_nothing_is_asked_for():
    worlds = asked_for()
    assert worlds.densities == DEFAULTS
    assert worlds.seeds == (1, 2, 3, 4, 5, 6)


def test_impressions_give_one_density_with_the_ads_of_the_nearest_default():
    assert asked_for(impressions=30).densities == (Density(30, 6000),)
    assert asked_for(impressions=300, ads=77).densities == (Density(300, 77),)
    assert [density.ads for density in asked_for(ads=50).densities] == [50, 50, 50]


def test_seeds_and_properties_reach_the_worlds():
    worlds = asked_for(seed=7, seeds=2, properties={'taste_std': 0.3, 'days': 5}, catalogue=True)
    configs = [worlds.config(Density(100, 300), seed) for seed in worlds.seeds]
    assert [config.seed for config in configs] == [7, 8]
    assert {config.taste_std for config in configs} == {0.3}
    assert worlds.described() == {
        'seeds': [7, 8],
        'properties': {'taste_std': 0.3, 'days': 5},
        'catalogue': True,
    }


@pytest.mark.parametrize('properties', [{}, {'days': 4}, {'test_share': 0.5}])
def test_worlds_have_the_density_asked_for(properties):
    config = world_of(Density(100, 300), 7, properties)
    assert config.seed == 7
    impressions = (config.days - 1) * config.rows_of('train')
    assert impressions / config.ads == pytest.approx(100, rel=0.01)


def test_a_world_needs_a_day_for_training():
    with pytest.raises(InputError, match='days must be at least 2'):
        world_of(Density(100, 300), 7, {'days': 1})
