"""Exploration by the client, with a real server."""

import dataclasses

import grpc
import numpy as np
import pytest
import tensorflow as tf

from creative_logs.errors import InputError
from serving.client.client import CreativeClient, ServerError
from serving.client.contract import Contract
from serving.client.request import Exploration
from tests.serving.helpers import MODEL, PATIENCE_S, REQUEST, push, running
from tests.serving.tiny_model import COMPONENTS, EarlierModel, example_inputs, export

ALWAYS, NEVER = Exploration(1.0, 1.0), Exploration(1.0, 0.0)
THOMPSON = Exploration(0.05, 0.0, posterior_scale=1.0)


@pytest.fixture
def client(shared_server):
    with shared_server.client() as client:
        yield client


def _requests(number: int):
    return [dataclasses.replace(REQUEST, seed=seed) for seed in range(number)]


def test_without_chance_the_choice_is_the_models(client):
    chosen, explored = client.select(REQUEST), client.select(REQUEST, NEVER)
    assert explored == dataclasses.replace(chosen, exploration=NEVER)
    assert (chosen.policy, chosen.exploration, chosen.choice_propensity) == ('genco', None, None)


def test_uniform_choices_are_marked_and_their_propensities_exact(client):
    for selection in client.select_many(_requests(20), ALWAYS):
        assert selection.policy == 'uniform'
        expected = {name: 1 / len(REQUEST.candidates[name]) for name in ('title', 'image')}
        assert {n: c.propensity for n, c in selection.choices.items()} == pytest.approx(expected)


def test_the_share_of_uniform_choices_is_epsilon(client):
    policies = [s.policy for s in client.select_many(_requests(400), Exploration(1.0, 0.25))]
    assert 0.15 < policies.count('uniform') / 400 < 0.35  # 4.6 standard deviations


def test_the_temperature_is_sent(client, exported):
    explored = client.select(REQUEST, Exploration(5.0, 0.0))
    function = tf.saved_model.load(str(exported[0])).signatures['explore']
    further = {'temperature': 5, 'epsilon': 0, 'posterior_scale': 0}
    inputs = example_inputs(1) | {name: np.float32([value]) for name, value in further.items()}
    expected = function(**{name: tf.constant(value) for name, value in inputs.items()})
    for place, name in enumerate(COMPONENTS[:2]):
        assert explored.choices[name].propensity == expected['propensity'][0, place].numpy()


def test_the_posterior_scale_is_sent_and_its_choices_are_marked(client, exported):
    function = tf.saved_model.load(str(exported[0])).signatures['explore']
    drawn = client.select_many(_requests(20), THOMPSON)
    assert {selection.policy for selection in drawn} == {'thompson'}
    further = {'temperature': 0.05, 'epsilon': 0, 'posterior_scale': 1}
    for selection in drawn:
        inputs = example_inputs(1) | {name: np.float32([value]) for name, value in further.items()}
        inputs['seed'][0] = selection.seed
        expected = function(**{name: tf.constant(value) for name, value in inputs.items()})
        for place, (name, choice) in enumerate(selection.choices.items()):
            assert COMPONENTS[place] == name
            assert choice.propensity == pytest.approx(expected['propensity'][0, place].numpy(), rel=1e-5)
            assert choice.effect_std == expected['effect_std'][0, place].numpy() > 0
    means = client.select_many(_requests(20), dataclasses.replace(THOMPSON, posterior_scale=0.0))
    propensities = [[c.propensity for c in s.choices.values()] for s in (*drawn, *means)]
    assert len({tuple(row) for row in propensities[:20]}) > len({tuple(row) for row in propensities[20:]})


def test_an_earlier_model_explores_but_draws_no_effects(base_path):
    export(base_path / '1', kind=EarlierModel)
    with running(base_path) as server, server.client() as client:
        for chosen in (client.select(REQUEST), client.select(REQUEST, ALWAYS)):
            assert {choice.effect_std for choice in chosen.choices.values()} == {None}
        with pytest.raises(
            ServerError, match="no input 'posterior_scale' of 'explore'; train and push it again"
        ) as error:
            client.select(REQUEST, THOMPSON)
        assert error.value.code is grpc.StatusCode.FAILED_PRECONDITION


def test_a_model_that_learned_to_draw_effects_is_noticed(client):
    for exploration in (NEVER, THOMPSON):
        client._protocol._contract = dataclasses.replace(client.contract(), draws_effects=False)
        assert client.select(REQUEST, exploration).exploration == exploration


def test_estimates_of_the_choices_probability(client):
    explore = Exploration(1.0, 0.5)
    selections = client.select_many(_requests(2), explore, estimate_propensity=True)
    assert [dataclasses.replace(s, choice_propensity=None) for s in selections] != selections
    for selection in selections:
        for name, choice in selection.choices.items():
            uniform = 1 / len(REQUEST.candidates[name])
            by_model = client.select(dataclasses.replace(REQUEST, seed=selection.seed), NEVER)
            if choice.index == by_model.choices[name].index:
                expected = 0.5 * uniform + 0.5 * by_model.choices[name].propensity
                assert choice.choice_propensity == pytest.approx(expected)
        product = np.prod([choice.choice_propensity for choice in selection.choices.values()])
        assert selection.choice_propensity == pytest.approx(product)


def test_the_estimate_is_asked_of_the_version_that_chose(exported, base_path):
    push(exported[0], base_path, 1)
    push(exported[1], base_path, 2)
    asked = []
    with running(base_path) as server:
        server.wait_for(v2=30)
        with server.client() as client:
            start = client._start
            client._start = lambda call: (asked.append(call), start(call))[1]
            selection = client.select(REQUEST, NEVER, estimate_propensity=True)
    assert selection.model_version == 2
    predicts = [call.request.model_spec for call in asked if call.method == 'Predict']
    assert [(spec.signature_name, spec.version.value) for spec in predicts] == [
        ('explore', 0),
        ('choice_propensity', 2),
    ]


def test_a_version_replaced_in_between_is_asked_anew(client):
    start, refused = client._start, []

    class Gone(grpc.RpcError):
        def code(self):
            return grpc.StatusCode.NOT_FOUND

        def details(self):
            return 'Servable not found for request: Specific(genco, 1)'

    def replaced(call):
        if call.method == 'Predict' and call.request.model_spec.version.value and not refused:
            refused.append(call)
            raise Gone
        return start(call)

    client._start = replaced
    assert client.select(REQUEST, NEVER, estimate_propensity=True).choice_propensity is not None
    assert refused


@pytest.mark.parametrize('missing', ['explore', 'choice_propensity'])
def test_a_model_that_is_too_old(client, monkeypatch, missing):
    read = Contract.from_signatures

    def without(signatures):
        return read({name: signature for name, signature in signatures.items() if name != missing})

    monkeypatch.setattr(Contract, 'from_signatures', without)
    with pytest.raises(ServerError, match=f"has no signature '{missing}'; train and push it again") as error:
        client.select(REQUEST, NEVER, estimate_propensity=True)
    assert error.value.code is grpc.StatusCode.FAILED_PRECONDITION


def test_a_model_that_learned_to_explore_is_noticed(client):
    client.select(REQUEST)
    client._protocol._contract = dataclasses.replace(client.contract(), signatures=frozenset())
    assert client.select(REQUEST, ALWAYS).policy == 'uniform'


@pytest.mark.parametrize(
    'values, message',
    [
        ((0, 0.1), 'temperature: must be above 0, got 0'),
        ((float('nan'), 0.1), 'temperature: must be a finite number'),
        ((1.0, -0.1), r'epsilon: must be in \[0, 1\], got -0.1'),
        ((1.0, 1.1), r'epsilon: must be in \[0, 1\], got 1.1'),
        ((1.0, '0.1'), "epsilon: must be a finite number, got '0.1'"),
        ((1.0, 0.1, -1), 'posterior_scale: must be at least 0, got -1'),
        ((1.0, 0.1, float('inf')), 'posterior_scale: must be a finite number, got inf'),
    ],
)
def test_impossible_explorations(values, message):
    with pytest.raises(InputError, match=message):
        Exploration(*values)


def test_an_estimate_needs_an_exploration(client):
    with pytest.raises(InputError, match='estimate_propensity needs an exploration'):
        client.select(REQUEST, estimate_propensity=True)


def test_pinned_to_a_version(shared_server):
    address = shared_server.address
    with CreativeClient(address, MODEL, PATIENCE_S, version=1) as client:
        assert client.select(REQUEST).model_version == 1
    with CreativeClient(address, MODEL, PATIENCE_S, version=9) as client:
        start, calls = client._start, []
        client._start = lambda call: (calls.append(call), start(call))[1]
        with pytest.raises(ServerError, match=r'Specific\(genco, 9\)'):
            client.select(REQUEST)
        assert len(calls) == 1
    with (
        CreativeClient(address, MODEL, PATIENCE_S, version_label='canary') as client,
        pytest.raises(ServerError, match='label: canary'),
    ):
        client.select(REQUEST)
    with pytest.raises(
        InputError, match="version 1 and version_label 'canary': only one of them may be given"
    ):
        CreativeClient(address, version=1, version_label='canary')
