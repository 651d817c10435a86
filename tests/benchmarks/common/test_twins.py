"""Twin requests differ only in candidates, which were shown 25 to 100 times or never."""

from collections import Counter

import numpy as np
import pytest

from benchmarks.common.simulated import day_log, next_day
from benchmarks.common.twins import twin_logs
from creative_logs.schema import TEST, TRAIN
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.truth import Truth
from creative_logs.simulator.world import World
from model.features import packed_batch as keys

CONFIG = SimulatorConfig(ads=60, users=200, days=3, rows=4000, test_share=0.1, new_elements_per_day=0.2)
COMPONENTS = [component.name for component in CONFIG.components]


@pytest.fixture(scope='module')
def world():
    return World(CONFIG, -2.6)


@pytest.fixture(scope='module')
def logs(world):
    return [day_log(world, day, TRAIN) for day in (0, 1)], day_log(world, 2, TEST)


def shown_counts(logs) -> Counter:
    found: Counter = Counter()
    for log in logs:
        for name in COMPONENTS:
            lists, shown = log[f'{name}_candidates'].to_pylist(), log[f'{name}_shown'].to_pylist()
            found.update(ids[place] for ids, place in zip(lists, shown) if place is not None and place >= 0)
    return found


def test_choices_are_among_candidates_shown_25_to_100_times_or_never(world, logs):
    train, requests = logs
    twins, counts = twin_logs(world, train, requests), shown_counts(logs[0])
    chosen_from: list[int] = []
    for name in COMPONENTS:
        pairs = zip(*(log[f'{name}_candidates'].to_pylist() for log in (twins.shown, twins.new)))
        for old, new in pairs:
            assert len(old) == len(new)
            if len(old) > 1:
                chosen_from += [counts[element] for element in old]
                assert not any(counts[element] for element in new)
                assert [element.split('_')[-2] for element in old] == [e.split('_')[-2] for e in new]
            else:
                assert old == new
    assert min(chosen_from) >= 25 and max(chosen_from) <= 100
    assert twins.impressions == pytest.approx(np.mean(chosen_from))


def test_requests_keep_every_candidate_that_was_shown_so_often_and_every_component(world, logs):
    train, requests = logs
    twins, counts = twin_logs(world, train, requests), shown_counts(train)
    before = {row['request_id']: row for row in requests.to_pylist()}
    for row in twins.shown.to_pylist():
        several = 0
        for name in COMPONENTS:
            given = before[row['request_id']][f'{name}_candidates']
            middle = [element for element in given if 25 <= counts[element] <= 100]
            kept = row[f'{name}_candidates']
            assert kept == middle if len(middle) > 1 else len(kept) == bool(given) and set(kept) <= set(given)
            several += len(middle) > 1
        assert several
    assert set(twins.shown['request_id'].to_pylist()) == set(twins.new['request_id'].to_pylist())


def test_both_twins_have_a_truth_of_like_size(world, logs):
    twins, truth = twin_logs(world, *logs), Truth(world)
    assert truth.uniform_ctr(twins.new).mean() == pytest.approx(
        truth.uniform_ctr(twins.shown).mean(), rel=0.3
    )


def test_there_are_no_twins_where_elements_are_never_replaced_or_none_was_shown_so_often(world, logs):
    still = World(CONFIG.model_copy(update={'new_elements_per_day': 0.0}))
    train, requests = logs
    assert twin_logs(still, train, requests) is None
    assert twin_logs(world, [train[0].slice(0, 20)], requests) is None


def test_the_catalogue_lists_the_candidates_of_both_twins():
    day = next_day(CONFIG, requests=100, batch_size=64, content=True, twins=True)
    listed = np.concatenate([part.keys for part in day.catalogue.listed()])
    trained = np.concatenate([batch[keys.ELEMENTS] for batch in day.train])
    for requests in (day.twins.shown, day.twins.new):
        assert np.isin(np.concatenate([batch[keys.ELEMENT_KEYS] for batch in requests.batches]), listed).all()
    several = np.concatenate([np.repeat(r.counts.ravel() > 1, r.counts.ravel()) for r in (day.twins.new,)])
    new = np.concatenate([batch[keys.ELEMENTS] for batch in day.twins.new.batches])[several]
    assert not np.isin(new, trained).any()
