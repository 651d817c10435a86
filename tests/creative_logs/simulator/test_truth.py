import itertools
import json

import numpy as np
import pyarrow as pa
import pytest

from creative_logs.errors import InputError
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.truth import Truth
from creative_logs.simulator.write import simulate
from tests.creative_logs.simulator.examples import lengths, shown, simulated, small_config


def combinations(counts: np.ndarray) -> list[tuple[int, ...]]:
    return list(itertools.product(*[range(n) if n else [-1] for n in counts]))


def z_score(clicks: np.ndarray, ctr: np.ndarray) -> float:
    return float((clicks - ctr).sum() / np.sqrt((ctr * (1 - ctr)).sum()))


@pytest.mark.parametrize('split', ['train', 'test'])
def test_clicks_come_as_often_as_the_truth_says(split):
    config = SimulatorConfig(ads=1000, days=1, rows=200_000, test_share=0.5)
    truth, rows = simulated(config, split)
    ctr, clicks = truth.ctr(rows, shown(rows, config)), rows['click'].to_numpy()
    bins = np.digitize(ctr, np.quantile(ctr, [0.2, 0.4, 0.6, 0.8]))
    assert ctr[bins == 4].mean() > 4 * ctr[bins == 0].mean()
    for group in range(5):
        assert abs(z_score(clicks[bins == group], ctr[bins == group])) < 4
    for category in set(rows['category'].to_pylist()):
        here = np.array(rows['category'].to_pylist()) == category
        assert abs(z_score(clicks[here], ctr[here])) < 4


def test_the_ctr_of_what_was_not_shown_is_what_replay_of_random_traffic_finds():
    """Rows of the uniform policy that happen to show the best image, weighted by 1/propensity."""
    config = SimulatorConfig(ads=200, days=1, rows=180_000, test_share=0.5, element_effect_std=0.5)
    truth, rows = simulated(config, 'test')
    choice, image = shown(rows, config), 1
    other = choice.copy()
    other[:, image] = truth.best(rows)[0][:, image]
    weight = (choice[:, image] == other[:, image]) / rows['image_propensity'].to_numpy()
    clicks = rows['click'].to_numpy()
    expected = truth.ctr(rows, other)
    difference = weight * clicks - expected
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(clicks))
    assert expected.mean() > 1.2 * clicks.mean()


def test_the_best_combination_is_the_best_of_all():
    config = small_config(rows=120)
    truth, rows = simulated(config, 'train')
    choice, best = truth.best(rows)
    counts = lengths(rows, config)
    assert {tuple(row > 0) for row in counts} == {(True, True, True), (True, True, False)}
    for i in range(rows.num_rows):
        every = combinations(counts[i])
        row = pa.Table.from_batches([rows.slice(i, 1)] * len(every))
        ctr = truth.ctr(row, np.array(every))
        assert best[i] == pytest.approx(ctr.max(), rel=1e-12)
        assert tuple(choice[i]) == every[ctr.argmax()]


def test_the_uniform_ctr_is_the_mean_over_all_combinations():
    config = small_config(rows=60)
    truth, rows = simulated(config, 'train')
    counts = lengths(rows, config)
    exact = []
    for i in range(rows.num_rows):
        every = combinations(counts[i])
        row = pa.Table.from_batches([rows.slice(i, 1)] * len(every))
        exact.append(truth.ctr(row, np.array(every)).mean())
    assert truth.uniform_ctr(rows, samples=400) == pytest.approx(exact, rel=0.1)
    repeated = np.mean([truth.uniform_ctr(rows, samples=3, seed=s) for s in range(300)], axis=0)
    assert repeated.mean() == pytest.approx(np.mean(exact), rel=0.01)


def test_rows_in_parts_tables_and_slices_have_the_same_truth():
    config = small_config(ads=40, rows=20_000)
    truth, rows = simulated(config, 'train')
    choice, best = truth.best(rows)
    table = pa.Table.from_batches([rows.slice(0, 7000), rows.slice(7000)])
    assert truth.best(table)[1].tolist() == best.tolist()
    assert truth.ctr(rows.slice(9000, 50), choice[9000:9050]).tolist() == best[9000:9050].tolist()
    assert truth.best(rows.slice(0, 0))[0].shape == (0, 3)


def test_importance_is_a_share_of_the_variance_of_effects():
    truth, _ = simulated(small_config(), 'train')
    assert truth.component_importance()['phone'] == pytest.approx(
        {'title': 1 / 6, 'image': 4 / 6, 'badge_text': 1 / 6}
    )
    figure_3 = simulated(SimulatorConfig(ads=10), 'train')[0].component_importance()
    assert figure_3['clothing']['image'] > figure_3['phone']['image'] > figure_3['phone']['highlight']


def test_the_truth_is_known_from_the_folder_of_the_logs(tmp_path):
    config = small_config(days=1)
    simulate(config, tmp_path / 'logs')
    truth, rows = simulated(config, 'train')
    saved = Truth.from_logs(tmp_path / 'logs')
    assert saved.ctr(rows, shown(rows, config)).tolist() == truth.ctr(rows, shown(rows, config)).tolist()


def test_a_missing_or_broken_truth_is_named(tmp_path):
    with pytest.raises(InputError, match='truth.json.*are these simulated logs'):
        Truth.from_logs(tmp_path)
    for text in ('{', '{}', '[]', json.dumps({'config': {'colour': 1}, 'intercept': 0})):
        (tmp_path / 'truth.json').write_text(text)
        with pytest.raises(InputError, match='truth.json: is broken'):
            Truth.from_logs(tmp_path)


def test_choices_and_rows_that_do_not_fit_are_errors():
    config = small_config()
    truth, rows = simulated(config, 'train')
    choice = shown(rows, config)
    with pytest.raises(InputError, match=r'choice must have the shape \(\d+, 3\)'):
        truth.ctr(rows, choice[:, :2])
    for wrong in (-1, 99):
        changed = choice.copy()
        changed[4, 1] = wrong
        with pytest.raises(
            InputError, match=rf'choice\[4, 1\] must be at least 0 and below \d, .*: got {wrong}$'
        ):
            truth.ctr(rows, changed)
    with pytest.raises(InputError, match="column 'user_id' is missing"):
        truth.best(rows.drop_columns(['user_id']))
    foreign = rows.set_column(rows.schema.get_field_index('ad_id'), 'ad_id', pa.array(['a1'] * rows.num_rows))
    with pytest.raises(InputError, match="id 'a1' is not of the form ad_<number>"):
        truth.best(foreign)
