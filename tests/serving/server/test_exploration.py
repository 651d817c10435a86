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
from tests.serving.tiny_model import COMPONENTS, example_inputs

ALWAYS, NEVER = Exploration(1.0, 1.0), Exploration(1.0, 0.0)


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
    inputs = example_inputs(1) | {'temperature': np.float32([5]), 'epsilon': np.float32([0])}
    expected = function(**{name: tf.constant(value) for name, value in inputs.items()})
    for place, name in enumerate(COMPONENTS[:2]):
        assert explored.choices[name].propensity == expected['propensity'][0, place].numpy()


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
    'temperature, epsilon, message',
    [
        (0, 0.1, 'temperature: must be above 0, got 0'),
        (float('nan'), 0.1, 'temperature: must be a finite number'),
        (1.0, -0.1, r'epsilon: must be in \[0, 1\], got -0.1'),
        (1.0, 1.1, r'epsilon: must be in \[0, 1\], got 1.1'),
        (1.0, '0.1', "epsilon: must be a finite number, got '0.1'"),
    ],
)
def test_impossible_explorations(temperature, epsilon, message):
    with pytest.raises(InputError, match=message):
        Exploration(temperature, epsilon)


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
