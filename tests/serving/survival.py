"""Checks that a server survives malformed requests."""

import random
from collections import Counter

import grpc
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse

from tests.serving.helpers import PATIENCE_S
from tests.serving.spoilers import SPOILERS

_METHOD = '/tensorflow.serving.PredictionService/Predict'
_REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNIMPLEMENTED,
}


def assert_survives(channel: grpc.Channel, good: bytes, requests: int) -> None:
    """Sends spoiled forms of a good request.

    The server must not hang or crash, each failure must have a proper code, and the answer to the good request
    must not change.
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
    """The answer as bytes that do not depend on the order of a map."""
    return call(message, timeout=PATIENCE_S).SerializeToString(deterministic=True)


def _is_unreadable(message: bytes, code: grpc.StatusCode) -> bool:
    """gRPC itself answers INTERNAL to bytes that are no message."""
    try:
        PredictRequest.FromString(message)
    except Exception:
        return code is grpc.StatusCode.INTERNAL
    return False
