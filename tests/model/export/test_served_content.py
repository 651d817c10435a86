"""Content that the client brings to a served model: the exported graph gets it, also where requests are merged."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from serving.client.client import CreativeClient
from serving.client.content import ElementContent
from serving.client.request import SelectRequest
from tests.model.conftest import SCHEMA, catalogue_rows
from tests.model.requests import request_of
from tests.serving.helpers import MODEL, MODES, PATIENCE_S, assert_same, push, running_in

SEED = 7
ROWS = [row for row in catalogue_rows().to_pylist() if row['vector'] or row['attributes'] or row['text']]


@pytest.fixture(scope='module', params=MODES)
def server(exported, request, tmp_path_factory):
    base_path = tmp_path_factory.mktemp('served')
    push(exported, base_path, 1)
    with running_in(request.param, base_path, max_batch_size=100) as server:
        yield server


def _row(number: int) -> tuple[list[str], list[dict | None]]:
    """Images of a request, most of them new, and what the catalogue says about some other image instead."""
    random = np.random.default_rng(number)
    ids = [ROWS[0]['id'], *(f'new{number}-{i}' for i in range(int(random.integers(1, 5))))]
    brings = number % 4 > 0
    return ids, [ROWS[random.integers(len(ROWS))] if brings and random.random() < 0.6 else None for _ in ids]


def _by_client(number: int, logs, ids: list[str], rows: list[dict | None]) -> SelectRequest:
    logged = logs.slice(number, 1).to_pylist()[0]
    context = {
        feature.name: '' if logged[feature.name] is None else logged[feature.name]
        for feature in SCHEMA.context
    }
    candidates = {c.name: logged[c.candidates] for c in SCHEMA.components} | {'image': ids}
    content = {
        id_: ElementContent(row['text'] or '', row['attributes'] or (), row['vector'])
        for id_, row in zip(ids, rows)
        if row
    }
    return SelectRequest(
        context, candidates, {'title': logged['title_text']}, SEED, content={'image': content}
    )


def _by_hand(number: int, logs, ids: list[str], rows: list[dict | None]) -> dict[str, tf.Tensor]:
    each = [row or {'text': '', 'attributes': [], 'vector': None} for row in rows]
    return request_of(logs.slice(number), 1, SEED) | {
        'image_candidates': tf.constant([ids]),
        'image_text': tf.constant([[row['text'] or '' for row in each]]),
        'image_attributes': tf.constant([['\n'.join(row['attributes'] or []) for row in each]]),
        'image_vector': tf.constant([[row['vector'] or [0.0] * 3 for row in each]]),
    }


def test_the_client_brings_content_to_a_served_model(server, loaded, logs):
    drawn = [_row(number) for number in range(24)]
    requests = [_by_client(number, logs, *each) for number, each in enumerate(drawn)]
    with CreativeClient(server.address, MODEL, PATIENCE_S) as client, ThreadPoolExecutor(8) as pool:
        contract = client.contract()
        assert contract.content['image'] == (True, True, 3) and contract.with_text == {'title'}
        answers = list(pool.map(lambda request: client.predict([request], [SEED]).arrays, requests))
    function, told = loaded.signatures['serving_default'], 0
    for number, (each, answer) in enumerate(zip(drawn, answers)):
        by_hand = _by_hand(number, logs, *each)
        expected = {name: value.numpy() for name, value in function(**by_hand).items()}
        for name, value in expected.items():
            assert_same(answer[name], value)
        nothing = {
            name: tf.zeros_like(by_hand[name]) for name in ('image_text', 'image_attributes', 'image_vector')
        }
        told += not np.allclose(function(**by_hand | nothing)['ctr'], expected['ctr'], rtol=1e-4)
    assert told > 6
