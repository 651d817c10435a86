import dataclasses
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2

from creative_logs.errors import InputError
from serving.client.client import CreativeClient, ServerError
from serving.client.selection import Choice
from tests.serving.client.fake_server import FakeServer, fake_server
from tests.serving.helpers import MODEL, PATIENCE_S, REQUEST
from tests.serving.tiny_model import COMPONENTS, example_inputs


@pytest.fixture
def client(shared_server):
    with shared_server.client() as client:
        yield client


def test_select_equals_the_saved_model(client, exported):
    selection = client.select(REQUEST)
    function = tf.saved_model.load(str(exported[0])).signatures['serving_default']
    outputs = function(**{name: tf.constant(value) for name, value in example_inputs(1).items()})
    expected = {name: value.numpy()[0] for name, value in outputs.items()}
    assert selection.choices == {
        name: Choice(
            int(expected['selected_index'][m]),
            expected['selected_id'][m].decode(),
            expected['propensity'][m],
            effect_std=expected['effect_std'][m],
        )
        for m, name in enumerate(COMPONENTS)
        if name != 'button'
    }
    assert selection.ctr == expected['ctr']
    assert (selection.model_version, selection.seed) == (1, 7)
    drawn = {tuple(c): ctr for c, ctr in zip(expected['combinations'].tolist(), expected['combination_ctr'])}
    del drawn[tuple(expected['selected_index'].tolist())]
    answered = {
        tuple(runner_up.choices[name].index if name != 'button' else -1 for name in COMPONENTS): runner_up.ctr
        for runner_up in selection.runners_up
    }
    assert answered == drawn
    for runner_up in selection.runners_up:
        for name, choice in runner_up.choices.items():
            assert choice.id == REQUEST.candidates[name][choice.index]


def test_select_many_keeps_the_order(client):
    other = dataclasses.replace(REQUEST, candidates={'button': ['b0', 'b1']}, texts={}, seed=3)
    together = client.select_many([REQUEST, other])
    assert [list(selection.choices) for selection in together] == [['title', 'image'], ['button']]
    assert together[1].choices == client.select(other).choices
    assert client.select_many([]) == []


def test_seed_is_drawn_and_repeats_the_answer(client):
    unseeded = dataclasses.replace(REQUEST, seed=None)
    first, second = client.select(unseeded), client.select(unseeded)
    assert first.seed != second.seed
    assert client.select(dataclasses.replace(REQUEST, seed=first.seed)) == first


def test_unseen_ids_are_served(client):
    request = dataclasses.replace(REQUEST, candidates={'image': ['never seen', 'nor this']}, texts={})
    assert client.select(request).choices['image'].id in ('never seen', 'nor this')


def test_threads_share_a_client(client):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(client.select, [REQUEST] * 40))
    assert all(answer == answers[0] for answer in answers)


def test_bad_request_names_the_feature(client):
    for _ in range(2):  # before and after the contract is known
        with pytest.raises(InputError, match="context feature 'ad_id' is missing"):
            client.select(dataclasses.replace(REQUEST, context={'user_id': 'u'}))


def test_unknown_model(shared_server):
    with (
        CreativeClient(shared_server.address, 'other', PATIENCE_S) as client,
        pytest.raises(ServerError, match="serves no version of model 'other'") as error,
    ):
        client.select(REQUEST)
    assert error.value.code is grpc.StatusCode.NOT_FOUND


def test_error_of_the_graph_reaches_the_caller(client, monkeypatch):
    monkeypatch.setattr('serving.client.request.number', lambda what, value: value)
    context = {**REQUEST.context, 'age': np.nan}
    with pytest.raises(ServerError, match='age : Tensor had NaN values') as error:
        client.select(dataclasses.replace(REQUEST, context=context))
    assert error.value.code is grpc.StatusCode.INVALID_ARGUMENT


def test_versions(client):
    [version] = client.versions()
    assert (version.version, version.state, version.error) == (1, 'AVAILABLE', '')


def test_unavailable_is_tried_again(shared_server):
    def before(call, context):
        if call < 3:
            context.abort(grpc.StatusCode.UNAVAILABLE, 'starting')

    service = FakeServer(shared_server, before)
    with fake_server(service) as address, CreativeClient(address, MODEL, PATIENCE_S) as client:
        assert client.select(REQUEST).choices
    assert service.calls == 3


def test_other_errors_are_not_tried_again(shared_server):
    service = FakeServer(
        shared_server, lambda call, context: context.abort(grpc.StatusCode.INTERNAL, 'broken')
    )
    with (
        fake_server(service) as address,
        CreativeClient(address, MODEL, PATIENCE_S) as client,
        pytest.raises(ServerError, match=f'{address}: broken'),
    ):
        client.select(REQUEST)
    assert service.calls == 1


def test_deadline(shared_server):
    over = threading.Event()
    service = FakeServer(shared_server, lambda call, context: over.wait(PATIENCE_S))
    with fake_server(service) as address, CreativeClient(address, MODEL, timeout_s=0.2) as client:
        try:
            with pytest.raises(ServerError, match=r'no answer within 0\.2 s') as error:
                client.select(REQUEST)
        finally:
            over.set()
    assert error.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_no_server():
    with socket.socket() as unused:  # bound, but nothing listens
        unused.bind(('localhost', 0))
        port = unused.getsockname()[1]
        with (
            CreativeClient(f'localhost:{port}', MODEL, timeout_s=PATIENCE_S) as client,
            pytest.raises(ServerError, match=r'not reachable; is a server running there\?') as error,
        ):
            client.select(REQUEST)
    assert error.value.code is grpc.StatusCode.UNAVAILABLE


def test_reads_the_contract_again_when_the_served_model_changes(client):
    contract = client.contract()
    outdated = dataclasses.replace(contract, context={'user_id': contract.context['user_id']})
    client._protocol._contract = outdated
    assert client.select(REQUEST).choices  # an unknown feature for the outdated contract
    client._protocol._contract = outdated
    with pytest.raises(InputError, match='is missing'):  # fits the outdated contract, not the model
        client.select(dataclasses.replace(REQUEST, context={'user_id': 'u0'}))


def test_not_a_genco_model(shared_server):
    class Other(FakeServer):
        def GetModelMetadata(self, request, context):
            return get_model_metadata_pb2.GetModelMetadataResponse()

    with (
        fake_server(Other(shared_server, None)) as address,
        CreativeClient(address, MODEL, PATIENCE_S) as client,
        pytest.raises(ServerError, match="'genco' is not a GenCO model: it has no signature serving_default"),
    ):
        client.select(REQUEST)
