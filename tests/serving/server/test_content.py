"""Requests with content reach a served model, alone and merged with others of other widths."""

import dataclasses
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from werkzeug.test import Client

from serving.client.client import CreativeClient
from serving.client.contract import ContentInputs, Contract
from serving.client.request import SelectRequest, encode_requests
from serving.server.batching.merging import merged
from serving.server.model_manager.servable import SessionServable
from serving.server.monitoring.metrics import Metrics
from serving.server.rest.app import RestApp
from serving.tensor_protos import DT_STRING
from tests.serving.content_model import COMPONENTS, DIMENSIONS, export, random_request
from tests.serving.helpers import MODEL, MODES, PATIENCE_S, push, running_in

TAKES = {'title': ContentInputs(True, True, DIMENSIONS), 'image': ContentInputs(False, True, 0)}
CONTRACT = Contract({'ad_id': (DT_STRING, 1)}, COMPONENTS, frozenset(), frozenset(), None, TAKES)


@pytest.fixture(scope='module')
def version(tmp_path_factory):
    return export(tmp_path_factory.mktemp('content') / '1')


@pytest.fixture(scope='module', params=MODES)
def server(version, request, tmp_path_factory):
    base_path = tmp_path_factory.mktemp('served')
    push(version, base_path, 1)
    with running_in(request.param, base_path, max_batch_size=64) as server:
        yield server


def _assert_worths(outputs: dict, worths: list[dict[str, list[float]]]) -> None:
    for ad, expected in enumerate(worths):
        for name in COMPONENTS:
            found = outputs[f'{name}_worth'][ad]
            np.testing.assert_allclose(found[: len(expected[name])], expected[name], rtol=1e-5, atol=1e-6)
            assert (found[len(expected[name]) :] < -1e8).all()


@pytest.mark.parametrize('full_content', [False, True])
def test_each_candidate_is_judged_by_its_own_content(server, full_content):
    asked = [random_request(number) for number in range(40)]
    requests, worths = zip(*asked)
    with CreativeClient(server.address, MODEL, PATIENCE_S, full_content=full_content) as client:
        together = client.predict(requests, [0] * len(requests)).arrays
        _assert_worths(together, worths)
        for request, expected in asked:
            _assert_worths(client.predict([request], [0]).arrays, [expected])
            choices = client.select(request).choices
            for name in COMPONENTS:
                if expected[name]:
                    chosen = expected[name][choices[name].index]
                    assert chosen == pytest.approx(max(expected[name]), abs=1e-5)


def test_requests_of_other_widths_at_the_same_time_do_not_mix(server):
    asked = [random_request(number) for number in range(200)]
    with CreativeClient(server.address, MODEL, PATIENCE_S) as client, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda each: client.predict([each[0]], [0]).arrays, asked))
    for answer, (_, expected) in zip(answers, asked):
        _assert_worths(answer, [expected])


def _as_json(array: np.ndarray) -> list:
    return (
        np.vectorize(bytes.decode, otypes=[object])(array).tolist()
        if array.dtype == object
        else array.tolist()
    )


@pytest.mark.parametrize('brings', [True, False])
@pytest.mark.parametrize('number', [0, 1, 2, 5])
def test_rest_takes_content_and_lists_without_any(server, number, brings):
    request, expected = random_request(number)
    if not brings:
        request = dataclasses.replace(request, content={})
        expected = {name: [0.0] * len(ids) for name, ids in request.candidates.items()}
    tensors = encode_requests([request], [number], CONTRACT)
    assert brings or tensors['title_vector'].shape == (1, 0, DIMENSIONS)
    inputs = {name: _as_json(array) for name, array in tensors.items()}
    rest = Client(RestApp(server.server.registry, Metrics()))
    row = {name: values[0] for name, values in inputs.items()}
    for form, body in (('outputs', {'inputs': inputs}), ('predictions', {'instances': [row]})):
        answer = rest.post(f'/v1/models/{MODEL}:predict', json=body).json[form]
        columns = answer if form == 'outputs' else {name: [value] for name, value in answer[0].items()}
        _assert_worths({name: np.array(columns[name]) for name in columns}, [expected])


def test_merged_requests_of_any_widths_are_judged_as_they_are_alone(version):
    servable = SessionServable(version)
    signature = servable.signatures['serving_default']
    outputs = sorted(signature.outputs)
    asked = [random_request(number) for number in range(12)]
    contract_inputs = [_trimmed(request, number) for number, (request, _) in enumerate(asked)]
    whole = merged(contract_inputs, len(asked) + 3)
    found = dict(zip(outputs, servable.run(signature, whole, outputs)))
    _assert_worths(found, [expected for _, expected in asked])
    servable.close()


def _trimmed(request: SelectRequest, number: int) -> dict[str, np.ndarray]:
    """The inputs of a request, whose content is as wide as it must be, or wider up to the candidates."""
    inputs = encode_requests([request], [0], CONTRACT)
    for name in ('title_text', 'title_attributes', 'title_vector', 'image_attributes'):
        content = inputs[name]
        width = inputs[f'{name.split("_")[0]}_candidates'].shape[1]
        wider = random.Random(number).randint(content.shape[1], width)
        more = np.full((1, wider - content.shape[1], *content.shape[2:]), 0, content.dtype)
        more[...] = b'' if content.dtype == object else 0
        inputs[name] = np.concatenate([content, more], 1)
    return inputs
