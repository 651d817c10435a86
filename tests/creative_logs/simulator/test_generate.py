import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from creative_logs.checks.check_logs import check, conform
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.generate import CHUNK_ROWS, Generator
from creative_logs.simulator.world import World
from creative_logs.simulator.write import calibrate
from tests.creative_logs.simulator.examples import lengths, shown, simulated, small_config


@pytest.mark.parametrize('split', ['train', 'test'])
def test_every_row_keeps_the_schema(split):
    config = SimulatorConfig(ads=50, days=1, rows=2000, test_share=0.5)
    rows = simulated(config, split)[1]
    good, bad = check(conform(rows, config.log_schema(), 'rows'), config.log_schema())
    assert (good.num_rows, bad.num_rows) == (1000, 0)


def test_rows_are_in_the_order_of_time_within_their_day():
    config = small_config(rows=5000)
    for day, name in enumerate(('2024-06-20', '2024-06-21')):
        rows = simulated(config, 'train', day)[1]
        times = rows['timestamp'].to_numpy()
        assert (np.diff(times) >= 0).all()
        assert set(times.astype('datetime64[ms]').astype('datetime64[D]').astype(str)) == {name}
        assert len(set(rows['request_id'].to_pylist())) == rows.num_rows


def test_chunks_cover_the_rows_and_the_day_without_overlap():
    config = small_config(rows=250_000, test_share=0.1)
    generator = Generator(World(config))
    assert (generator.chunks('train'), generator.chunks('test')) == (3, 1)
    chunks = [generator.chunk(0, 'train', i) for i in range(3)]
    assert [c.num_rows for c in chunks] == [CHUNK_ROWS, CHUNK_ROWS, 25_000]
    times = np.concatenate([c['timestamp'].to_numpy() for c in chunks])
    assert (np.diff(times) >= 0).all()
    assert len(set(pa.concat_arrays([c['request_id'] for c in chunks]).to_pylist())) == 225_000


def test_a_chunk_is_a_function_of_the_seed():
    def first_rows(**changes):
        return simulated(small_config(**changes), 'train')[1]

    assert first_rows().equals(first_rows())
    assert not first_rows()['ad_id'].equals(first_rows(seed=2)['ad_id'])


def test_the_log_says_what_the_world_says_of_users_and_ads():
    config = small_config(rows=500)
    world = World(config)
    rows = Generator(world).chunk(0, 'train', 0).to_pylist()
    for row in rows:
        ad, user, query = (int(row[f'{name}_id'].rpartition('_')[2]) for name in ('ad', 'user', 'query'))
        assert row['category'] == world.categories[world.ad_category(np.array([ad]))[0]]
        assert row['age'] == world.user_age(np.array([user]))[0]
        assert row['gender'] in 'fm'
        assert row['query_terms'][0] == row['category'] == world.categories[query // 50]
        assert len(set(row['query_terms'])) == len(row['query_terms'])


def test_uniform_rows_log_one_over_n():
    config = small_config(rows=2000, test_share=0.5)
    rows = simulated(config, 'test')[1]
    assert set(rows['policy'].to_pylist()) == {'uniform'}
    counts = lengths(rows, config)
    for j, component in enumerate(config.log_schema().components):
        expected = [1 / n if n else None for n in counts[:, j]]
        assert rows[component.propensity].to_pylist() == pytest.approx(expected)


@pytest.mark.parametrize('split', ['train', 'test'])
def test_elements_are_shown_as_often_as_the_logged_propensity_says(split):
    config = small_config(ads=4, rows=100_000, test_share=0.5, policy_sharpness=1.5)
    rows = simulated(config, split)[1]
    ads, choice = np.array(rows['ad_id'].to_pylist()), shown(rows, config)
    for j, component in enumerate(config.log_schema().components):
        propensity = rows[component.propensity].to_numpy(zero_copy_only=False)
        for ad in np.unique(ads):
            here = ads == ad
            indices, first, counts = np.unique(choice[here, j], return_index=True, return_counts=True)
            if indices[0] >= 0:
                expected = propensity[here][first].astype(float)
                assert expected.sum() == pytest.approx(1, abs=1e-6)
                assert len(np.unique(propensity[here])) <= len(indices)
                expected *= counts.sum() / expected.sum()
                assert len(counts) == 1 or stats.chisquare(counts, expected).pvalue > 1e-4


def test_production_prefers_ads_with_appeal_and_good_elements():
    config = SimulatorConfig(ads=2000, days=1, rows=40_000, test_share=0.5)
    train, test = simulated(config, 'train')[1], simulated(config, 'test')[1]
    world = World(config)
    ads = np.array([int(ad[3:]) for ad in train['ad_id'].to_pylist()])
    assert world.ad_appeal(ads).mean() > world.ad_appeal(np.arange(2000)).mean() + 0.1

    def mean_quality(rows):
        ids = [c[s] for c, s in zip(rows['title_candidates'].to_pylist(), rows['title_shown'].to_pylist())]
        pool, generation = np.array([title.split('_')[1:] for title in ids], int).T
        return world.elements(0, pool, generation).quality.mean()

    assert mean_quality(train) > mean_quality(test) + 0.2


@pytest.mark.parametrize('ctr', [0.001, 0.015, 0.0684, 0.3])
def test_the_mean_ctr_of_production_is_the_configured_one(ctr):
    config = SimulatorConfig(ads=500, days=3, rows=60_000, ctr=ctr)
    generator = Generator(World(config, calibrate(config)))
    probability = 1 / (1 + np.exp(-generator.logits(1, 'train', 60_000)))
    assert probability.mean() == pytest.approx(ctr, rel=0.03)
    clicks = generator.chunk(2, 'train', 0)['click'].to_numpy()
    noise = 4 * np.sqrt(ctr / len(clicks))
    assert clicks.mean() == pytest.approx(ctr, abs=noise + 0.03 * ctr)
