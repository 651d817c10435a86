import numpy as np
import pytest

from benchmarks.common.simulated import next_day
from creative_logs.schema import CLICK
from creative_logs.simulator.config import SimulatorConfig
from model.features import packed_batch as keys

CONFIG = SimulatorConfig(ads=40, users=200, days=3, rows=2000)


@pytest.fixture(scope='module')
def day():
    return next_day(CONFIG, requests=500, batch_size=128)


def first_of_each(requests):
    return np.where(requests.counts > 0, 0, -1)


def test_trains_on_all_days_but_the_last_and_asks_for_the_requests_of_the_last(day):
    assert sum(len(batch[CLICK]) for batch in day.train) == 2 * CONFIG.rows_of('train')
    assert day.requests.log.num_rows == 500
    assert {name[:10] for name in day.requests.log['request_id'].to_pylist()} == {CONFIG.day_name(2)}
    assert set(day.requests.log['policy'].to_pylist()) == {'uniform'}


def test_the_last_day_has_elements_that_no_day_before_had(day):
    seen = np.concatenate([batch[keys.ELEMENTS].numpy() for batch in day.train])
    asked = np.concatenate([batch[keys.ELEMENTS].numpy() for batch in day.requests.batches])
    assert 0.005 < np.mean(~np.isin(asked, seen)) < 0.1


def test_the_catalogue_lists_every_candidate_of_every_day_or_is_not_there(day):
    assert day.catalogue is None and not day.tables.content
    told = next_day(CONFIG, requests=500, batch_size=128, content=True)
    found = [batch[keys.ELEMENT_KEYS].numpy() for batch in [*told.train, *told.requests.batches]]
    candidates = np.unique(np.concatenate(found))
    for _ in range(2):
        listed = np.concatenate([part.keys for part in told.catalogue.listed()])
        assert len(listed) == len(np.unique(listed))
        assert np.isin(candidates, listed).all()
    content = told.catalogue.of(candidates)
    assert set(content.texts) == set(content.vectors) == set(told.tables.components)
    assert sum(len(rows) for rows, _ in content.vectors.values()) == len(candidates)


def test_figures_of_the_best_and_of_uniform_choice(day):
    requests = day.requests
    best = requests.figures(requests.best[0])
    assert best['oracle_share'] == pytest.approx(1) and best['regret'] == pytest.approx(0)
    random = np.random.default_rng(3)
    lifts = [requests.figures(requests.drawn(random))['lift'] for _ in range(64)]
    assert abs(np.mean(lifts)) < 4 * np.std(lifts) / np.sqrt(64)
    figures = requests.figures(first_of_each(requests))
    assert 0 < figures['regret'] == pytest.approx(best['ctr'] - figures['ctr'])


def test_one_component_chosen_and_the_others_random(day):
    requests = day.requests
    choice = first_of_each(requests)
    chosen, none = requests.component_ctr(choice)
    single = requests.counts <= 1
    np.testing.assert_allclose(chosen[single], np.broadcast_to(none[:, None], single.shape)[single])
    assert np.all(chosen[~single] != np.broadcast_to(none[:, None], single.shape)[~single])
    assert none.mean() == pytest.approx(requests.uniform_ctr.mean(), rel=0.02)


def test_effects_of_components_nearly_add_up_to_that_of_the_whole_choice():
    config = CONFIG.model_copy(update={'synergy_std': 0.0, 'element_effect_std': 0.05, 'taste_std': 0.02})
    requests = next_day(config, requests=300, batch_size=128).requests
    choice = first_of_each(requests)
    chosen, none = requests.component_ctr(choice)
    whole = np.log(requests.ctr(choice) / none)
    np.testing.assert_allclose(np.log(chosen / none[:, None]).sum(1), whole, atol=0.1)


def test_served_requests_are_a_log_of_what_was_shown(day):
    requests = day.requests
    shown, click = first_of_each(requests), np.arange(500) % 3 == 0
    propensity = np.full(shown.shape, 0.25)
    batches = requests.served(shown, propensity, click)
    assert [batch.keys() for batch in batches] == [batch.keys() for batch in day.train[:1]] * 4
    np.testing.assert_array_equal(np.concatenate([b[keys.SHOWN] for b in batches]), shown)
    np.testing.assert_array_equal(np.concatenate([b[keys.PROPENSITY] for b in batches]), propensity)
    np.testing.assert_array_equal(np.concatenate([b[CLICK] for b in batches]), click)
