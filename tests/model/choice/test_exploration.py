"""Uniform combinations for a share of the requests, served; and the chances of the whole choice."""

import numpy as np
import pytest
import tensorflow as tf

from model.choice.exploration import explore
from model.export.request_tensors import request_spec
from tests.model.conftest import CONFIG, SCHEMA
from tests.model.requests import no_content

COMPONENTS = [component.name for component in SCHEMA.components]
ADS = 400


def _exploring(request, temperature=CONFIG.model.temperature, epsilon=0.0):
    ads = len(request['seed'])
    return request | {
        'temperature': tf.fill([ads], np.float32(temperature)),
        'epsilon': tf.fill([ads], np.float32(epsilon)),
    }


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


def test_temperature_sharpens_the_generator(loaded, one_ad):
    warm, cold = (
        loaded.signatures['explore'](**_exploring(one_ad, temperature)) for temperature in (1.0, 0.01)
    )
    distinct = [len(np.unique(found['combinations'][0].numpy(), axis=0)) for found in (warm, cold)]
    assert distinct[1] < distinct[0]


def test_the_chances_of_the_choice_are_those_of_repeated_choices(loaded, one_ad):
    temperature, epsilon = 0.02, 0.25
    exploring = _exploring(one_ad, temperature, epsilon)
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
    ],
)
def test_a_temperature_or_an_epsilon_without_meaning_is_refused(loaded, one_ad, changes, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        loaded.signatures['explore'](**_exploring(one_ad, **changes))
