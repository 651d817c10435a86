"""Uniform combinations for a share of the requests, served; and the chances of the whole choice."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from model.choice.exploration import explore
from model.choice.posterior_draws import with_drawn_effects
from model.export.request_tensors import request_spec
from model.features.packed_batch import index_of
from tests.model.conftest import CONFIG, SCHEMA
from tests.model.requests import no_content, request_of

COMPONENTS = [component.name for component in SCHEMA.components]
ADS = 400


def _exploring(request, temperature=CONFIG.model.temperature, epsilon=0.0, posterior_scale=0.0):
    values = {'temperature': temperature, 'epsilon': epsilon, 'posterior_scale': posterior_scale}
    return request | {name: tf.fill([len(request['seed'])], np.float32(v)) for name, v in values.items()}


@pytest.fixture(scope='module')
def one_ad():
    """The same ad ADS times: three titles, two images, no badge; every time another seed."""
    request = {'seed': tf.range(ADS, dtype=tf.int64), **no_content(ADS)}
    for name, spec in request_spec(SCHEMA).items():
        if name not in request and spec.dtype == tf.string:
            request[name] = tf.fill([ADS, 0] if spec.shape.rank == 2 else [ADS], '')
        elif name not in request:
            request[name] = tf.ones([ADS], spec.dtype)
    for name, ids in {
        'title_candidates': ['title-3-0', 'title-3-1', 'title-3-2'],
        'title_text': ['a', 'b', 'c'],
        'image_candidates': ['image-3-0', 'image-3-1'],
    }.items():
        request[name] = tf.tile(tf.constant([ids]), [ADS, 1])
    return request


def test_explored_combinations_are_uniform_at_the_rate_of_epsilon():
    rows = 20_000
    counts = tf.tile(tf.constant([[3, 0, 2]]), [rows, 1])
    found = explore(tf.range(rows, dtype=tf.int64), tf.fill([rows], 0.3), counts)
    assert found.chosen.numpy().mean() == pytest.approx(0.3, abs=0.015)
    chosen = found.combination.numpy()[found.chosen.numpy()]
    assert (chosen[:, 1] == -1).all()
    shares = np.histogram2d(chosen[:, 0], chosen[:, 2], bins=[3, 2])[0] / len(chosen)
    np.testing.assert_allclose(shares, 1 / 6, atol=0.02)


def test_without_exploration_the_answer_is_that_of_serving_default(loaded, one_ad):
    plain = loaded.signatures['serving_default'](**one_ad)
    found = loaded.signatures['explore'](**_exploring(one_ad))
    for name, value in plain.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    assert set(found['policy'].numpy()) == {b'genco'}


def test_an_explored_answer_has_exact_propensities_and_its_own_ctr(loaded, one_ad):
    plain = loaded.signatures['serving_default'](**one_ad)
    found = loaded.signatures['explore'](**_exploring(one_ad, epsilon=0.4))
    explored = found['policy'].numpy() == b'uniform'
    assert explored.mean() == pytest.approx(0.4, abs=0.1)
    np.testing.assert_allclose(found['propensity'].numpy()[explored], [[1 / 3, 1 / 2, 1]] * explored.sum())
    for name in ('selected_index', 'propensity', 'ctr'):
        np.testing.assert_array_equal(found[name].numpy()[~explored], plain[name].numpy()[~explored])
    selected = found['selected_index'].numpy()
    scored = loaded.signatures['score_combinations'](**one_ad, combinations=selected[:, None])
    np.testing.assert_allclose(found['ctr'], scored['combination_ctr'][:, 0], rtol=1e-5)
    for j, ids in enumerate((one_ad['title_candidates'], one_ad['image_candidates'])):
        np.testing.assert_array_equal(found['selected_id'][:, j], ids.numpy()[0][selected[:, j]])


def test_drawn_effects_decide_in_both_stages(loaded, model, batch, logs):
    """Served answers equal those of the network offline with the same drawn effects."""
    rows, seeds = 600, tf.range(600, dtype=tf.int64) + 3
    request = request_of(logs, rows) | {'seed': seeds}
    scales = tf.constant(np.linspace(0.5, 3.0, rows), tf.float32)
    request = _exploring(request) | {'posterior_scale': scales}
    found = {name: value.numpy() for name, value in loaded.signatures['explore'](**request).items()}
    same = np.array([k < SCHEMA.max_candidates for k in logs['title_shown'].to_pylist()])
    assert set(found['policy']) == {b'thompson'}

    encoded = model.encode(batch)
    drawn = with_drawn_effects(encoded, seeds, scales)
    change = (drawn.effects.element_bias - encoded.effects.element_bias).numpy()
    noise = change / (encoded.effects.element_std * tf.gather(scales, index_of(batch['counts']).ad)).numpy()
    assert 0.95 < noise.std() < 1.05
    assert (noise > 1).any()
    combinations = found['combinations']
    logits = np.stack(
        [
            model.score_combination(drawn, tf.constant(combinations[:, k])).logit
            for k in range(combinations.shape[1])
        ],
        1,
    )
    ctr = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(found['combination_ctr'][same], ctr[same], rtol=5e-4)
    best = combinations[np.arange(rows), found['combination_ctr'].argmax(1)]
    np.testing.assert_array_equal(found['selected_index'], best)
    mean = tf.sigmoid(model.score_combination(encoded, tf.constant(best)).logit).numpy()
    np.testing.assert_allclose(found['ctr'][same], mean[same], rtol=5e-4)

    scores = model.score_elements(drawn).numpy()
    place = 0
    for row, counts in enumerate(batch['counts'].numpy()):
        for j, n in enumerate(counts):
            of_component = scores[place : place + n]
            place += n
            if n > 1 and same[row]:
                greedy = combinations[row, 0, j]
                assert of_component[greedy] >= of_component.max() - 1e-4
    plain = loaded.signatures['serving_default'](**request_of(logs, rows))['combinations'].numpy()
    assert (plain[:, 0] != combinations[:, 0]).any(1).mean() > 0.1


def test_drawn_effects_depend_neither_on_the_neighbours_nor_on_the_padding(loaded, one_ad):
    exploring = _exploring(one_ad, posterior_scale=2.0)
    together = loaded.signatures['explore'](**exploring)
    for row in (0, 17):
        alone = {name: value[row : row + 1] for name, value in exploring.items()}
        alone = {
            name: tf.pad(value, [[0, 0], [0, 2]], constant_values='') if 'candidates' in name else value
            for name, value in alone.items()
        }
        single = loaded.signatures['explore'](**alone)
        np.testing.assert_array_equal(single['combinations'][0], together['combinations'][row])
        np.testing.assert_allclose(single['combination_ctr'][0], together['combination_ctr'][row], rtol=1e-5)


def test_a_larger_scale_shows_more_combinations(loaded, one_ad):
    shown = [
        loaded.signatures['explore'](**_exploring(one_ad, 0.01, posterior_scale=scale))['selected_index']
        for scale in (0.0, 0.3, 3.0)
    ]
    most = [np.unique(found, axis=0, return_counts=True)[1].max() / ADS for found in shown]
    assert most[0] > most[1] > most[2]


def test_temperature_sharpens_the_generator(loaded, one_ad):
    warm, cold = (
        loaded.signatures['explore'](**_exploring(one_ad, temperature)) for temperature in (1.0, 0.01)
    )
    distinct = [len(np.unique(found['combinations'][0].numpy(), axis=0)) for found in (warm, cold)]
    assert distinct[1] < distinct[0]


@pytest.mark.parametrize('posterior_scale', [0.0, 1.0])
def test_the_chances_of_the_choice_are_those_of_repeated_choices(loaded, one_ad, posterior_scale):
    temperature, epsilon = 0.02, 0.25
    exploring = _exploring(one_ad, temperature, epsilon, posterior_scale)
    shown = loaded.signatures['explore'](**exploring)['selected_index'].numpy()
    combinations, counts = np.unique(shown, axis=0, return_counts=True)
    few = {name: value[: len(combinations)] for name, value in exploring.items()}
    found = loaded.signatures['choice_propensity'](**few, selected=combinations)
    np.testing.assert_allclose(found['choice_propensity_joint'], counts / ADS, atol=0.1)
    for j in range(2):
        shares = [(shown[:, j] == combination[j]).mean() for combination in combinations]
        np.testing.assert_allclose(found['choice_propensity'][:, j], shares, atol=0.1)
    np.testing.assert_allclose(found['choice_propensity'][:, 2], 1.0)
    again = loaded.signatures['choice_propensity'](**few, selected=combinations)
    np.testing.assert_array_equal(found['choice_propensity'], again['choice_propensity'])


@pytest.mark.parametrize('posterior_scale', [0.0, 1.0])
def test_the_chances_of_all_combinations_add_up_to_one(loaded, one_ad, posterior_scale):
    combinations = np.array([(i, j, -1) for i, j in itertools.product(range(3), range(2))])
    few = {name: value[:6] for name, value in _exploring(one_ad, 0.1, 0.2, posterior_scale).items()}
    same_seed = few | {'seed': tf.zeros([6], tf.int64)}
    found = loaded.signatures['choice_propensity'](**same_seed, selected=combinations)
    assert float(tf.reduce_sum(found['choice_propensity_joint'])) == pytest.approx(1, abs=1e-5)
    found = loaded.signatures['choice_propensity'](**few, selected=combinations)
    assert float(tf.reduce_sum(found['choice_propensity_joint'])) == pytest.approx(1, abs=0.2)


def test_the_chances_under_full_exploration_are_exact(loaded, one_ad):
    few = {name: value[:2] for name, value in _exploring(one_ad, epsilon=1.0).items()}
    found = loaded.signatures['choice_propensity'](**few, selected=tf.constant([[0, 1, -1]] * 2, tf.int64))
    np.testing.assert_allclose(found['choice_propensity'], [[1 / 3, 1 / 2, 1]] * 2)
    np.testing.assert_allclose(found['choice_propensity_joint'], [1 / 6] * 2)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'temperature': 0.0}, 'temperature must be a finite number above 0, got'),
        ({'temperature': np.nan}, 'temperature must be a finite number above 0, got'),
        ({'epsilon': 1.5}, 'epsilon must be between 0 and 1, got'),
        ({'epsilon': np.nan}, 'epsilon must be between 0 and 1, got'),
        ({'posterior_scale': -0.5}, 'posterior_scale must be a finite number of at least 0, got'),
        ({'posterior_scale': np.inf}, 'posterior_scale must be a finite number of at least 0, got'),
        ({'posterior_scale': np.nan}, 'posterior_scale must be a finite number of at least 0, got'),
    ],
)
def test_an_exploration_without_meaning_is_refused(loaded, one_ad, changes, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        loaded.signatures['explore'](**_exploring(one_ad, **changes))
