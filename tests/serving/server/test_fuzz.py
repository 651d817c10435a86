"""Malformed requests: each gets a proper answer, and the server serves on as before."""

import random
from collections import Counter

import grpc
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse

from tests.serving.helpers import MODEL, PATIENCE_S
from tests.serving.spoilers import SPOILERS
from tests.serving.tiny_model import example_inputs, predict_request

REQUESTS = 1000
_METHOD = '/tensorflow.serving.PredictionService/Predict'
_REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNIMPLEMENTED,
}


def test_a_thousand_malformed_requests(any_server):
    good = predict_request(example_inputs(), MODEL).SerializeToString(deterministic=True)
    assert_survives(any_server.channel, good, REQUESTS)


def assert_survives(channel: grpc.Channel, good: bytes, requests: int) -> None:
    """Sends spoiled forms of a good request: no hang, no crash, no unexplained failure, and none of them
    changes what the good one is answered.
    """
    call = channel.unary_unary(_METHOD, None, PredictResponse.FromString)
    before = _answer(call, good)
    draw = random.Random(7)
    codes = Counter()
    for number in range(requests):
        spoil = SPOILERS[number % len(SPOILERS)]
        message = spoil(good, draw)
        code, details = _status(call, message)
        proper = code is grpc.StatusCode.OK or code in _REFUSALS or _is_unreadable(message, code)
        assert proper, (spoil.__name__, number, code, details)
        codes[code] += 1
    assert codes[grpc.StatusCode.INVALID_ARGUMENT] > requests / 4
    assert _answer(call, good) == before


def _status(call, message: bytes) -> tuple[grpc.StatusCode, str]:
    try:
        call(message, timeout=PATIENCE_S)
        return grpc.StatusCode.OK, ''
    except grpc.RpcError as error:
        return error.code(), error.details()


def _answer(call, message: bytes) -> bytes:
    """In bytes that do not depend on the order of a map."""
    return call(message, timeout=PATIENCE_S).SerializeToString(deterministic=True)


def _is_unreadable(message: bytes, code: grpc.StatusCode) -> bool:
    """gRPC itself answers INTERNAL to bytes that are no message."""
    try:
        PredictRequest.FromString(message)
    except Exception:
        return code is grpc.StatusCode.INTERNAL
    return False
