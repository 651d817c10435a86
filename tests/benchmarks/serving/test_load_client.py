"""Load and latencies against a gRPC server whose answers the test decides."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import numpy as np
import pytest

from benchmarks.serving.load_client import arrivals, closed_loop, open_loop
from serving.client import protos
from tests.serving.helpers import listening

MESSAGES = [b'first', b'second']
PATIENCE_S = 60


@contextmanager
def _server(answer, threads=8):
    """Gives the address of a server that answers Predict with `answer(message, context)`."""
    methods = {'Predict': grpc.unary_unary_rpc_method_handler(answer)}
    server = grpc.server(ThreadPoolExecutor(threads))
    service = grpc.method_handlers_generic_handler('tensorflow.serving.PredictionService', methods)
    server.add_generic_rpc_handlers([service])
    with listening(server) as address:
        yield address


def _version(number):
    response = protos.PredictResponse()
    response.model_spec.version.value = number
    return response.SerializeToString()


def test_open_loop_goes_on_while_answers_are_missing_and_counts_the_wait():
    due = np.array([0.0, 0.1, 0.2, 0.3])
    last, received = threading.Event(), []

    def answer(message, context):
        received.append(message)
        if len(received) == len(due):
            last.set()
        assert last.wait(PATIENCE_S)
        return _version(1)

    with _server(answer) as address:
        outcome = open_loop(address, MESSAGES, due)
    assert received == MESSAGES * 2
    np.testing.assert_allclose(outcome.at_s, due)
    # The first was answered after the last was sent: since it was due, so much time has passed at least.
    assert (outcome.latency_ms >= 1000 * (due[-1] - due)).all()
    assert (outcome.version == 1).all() and outcome.errors == 0


def test_failures_are_counted_with_their_codes():
    received = []

    def answer(message, context):
        received.append(message)
        if len(received) % 2:
            context.abort(grpc.StatusCode.UNAVAILABLE, 'no')
        return _version(2)

    with _server(answer, threads=1) as address:
        outcome = open_loop(address, MESSAGES, np.arange(6) / 100)
    assert outcome.errors == 3
    assert sorted(set(zip(outcome.codes, outcome.version))) == [('OK', 2), ('UNAVAILABLE', 0)]


def test_closed_loop_keeps_so_many_under_way():
    lock, under_way, most = threading.Lock(), 0, 0
    enough = threading.Event()

    def answer(message, context):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        if most == 3:
            enough.set()
        assert enough.wait(PATIENCE_S)
        with lock:
            under_way -= 1
        return _version(1)

    with _server(answer) as address:
        outcome = closed_loop(address, MESSAGES, seconds=0.2, in_flight=3)
    assert most == 3
    assert outcome.errors == 0 and len(outcome.at_s) >= 3


def test_arrivals_have_the_rate_asked_for():
    times = arrivals(rate=50, seconds=200)
    assert len(times) == 10_000 and (np.diff(times) > 0).all()
    assert times[-1] == pytest.approx(200, rel=0.05)
    assert np.diff(times).std() == pytest.approx(1 / 50, rel=0.05)  # exponential: as wide as it is long


def test_it_does_not_import_tensorflow():
    code = 'import sys, benchmarks.serving.load_client; sys.exit("tensorflow" in sys.modules)'
    subprocess.run([sys.executable, '-c', code], check=True)
