"""Sends load to a server and times its answers. It runs in a separate process without TensorFlow."""

import multiprocessing
import multiprocessing.pool
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import numpy as np

from serving.client import protos

_METHOD = '/tensorflow.serving.PredictionService/Predict'
_OPTIONS = (('grpc.max_receive_message_length', -1), ('grpc.max_send_message_length', -1))
_TIMEOUT_S = 10.0
_START_S = 0.1
OK = 'OK'


@dataclass(frozen=True)
class Outcome:
    """The outcome of R requests, ordered by the times at which they were due.

    Attributes:
        at_s: The time at which each request was due, in seconds from the start, float64 [R].
        latency_ms: The time from then until the answer or failure arrived, float64 [R].
        version: The version of the model that answered, 0 for a failure, int64 [R].
        codes: The gRPC status code of each request, `OK` for an answer, str [R].
        seconds: The time from the start until the last answer.
    """

    at_s: np.ndarray
    latency_ms: np.ndarray
    version: np.ndarray
    codes: np.ndarray
    seconds: float

    @property
    def errors(self) -> int:
        return sum(self.failures.values())

    @property
    def failures(self) -> dict[str, int]:
        """The number of failed requests by status code."""
        return dict(Counter(self.codes[self.codes != OK].tolist()))

    def percentile_ms(self, percent: float) -> float:
        """A percentile of the latency of all requests, including failures."""
        return round(float(np.percentile(self.latency_ms, percent)), 2)


def arrivals(rate: float, seconds: float, seed: int = 1) -> np.ndarray:
    """Times of a Poisson process in seconds from the start, float64 [R]; R is rate * seconds, rounded."""
    gaps = np.random.default_rng(seed).exponential(1 / rate, round(rate * seconds))
    return np.cumsum(gaps)


def open_loop(address: str, messages: Sequence[bytes], due_s: np.ndarray) -> Outcome:
    """Sends requests when they are due, whether or not earlier ones have been answered.

    Latency is measured from the time at which a request was due, so it includes delays of this client.

    Args:
        address: The address of the server.
        messages: Serialized PredictRequests, sent in rotation.
        due_s: The times at which requests are due, ascending, in seconds from the start, float64 [R].
    """
    with _Calls(address) as calls:
        began = time.perf_counter() + _START_S
        for number, due in enumerate(began + due_s):
            time.sleep(max(0.0, due - time.perf_counter()))
            calls.send(messages[number % len(messages)], due)
    return calls.outcome(began)


def closed_loop(address: str, messages: Sequence[bytes], seconds: float, in_flight: int) -> Outcome:
    """Keeps a constant number of requests in flight, to measure the largest throughput of the server.

    Args:
        address: The address of the server.
        messages: Serialized PredictRequests, sent in rotation.
        seconds: The time after which no more requests are sent.
        in_flight: The number of requests that wait for an answer at any time.
    """
    slots = threading.Semaphore(in_flight)
    with _Calls(address, slots.release) as calls:
        began = now = time.perf_counter()
        number = 0
        while now - began < seconds:
            slots.acquire()
            now = time.perf_counter()
            calls.send(messages[number % len(messages)], now)
            number += 1
    return calls.outcome(began)


@contextmanager
def another_process() -> Iterator[multiprocessing.pool.Pool]:
    """A process for `open_loop` and `closed_loop`, so that the caller's threads do not slow them down."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        yield pool


class _Calls:
    """Pending and finished calls; leaving the block waits for all of them."""

    def __init__(self, address: str, on_done: Callable[[], None] = lambda: None):
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._predict = self._channel.unary_unary(
            _METHOD, request_serializer=None, response_deserializer=protos.PredictResponse.FromString
        )
        self._on_done = on_done
        self._changed = threading.Condition()
        self._sent = 0
        self._done: list[tuple[float, float, int, str]] = []

    def __enter__(self) -> '_Calls':
        grpc.channel_ready_future(self._channel).result(_TIMEOUT_S)
        return self

    def __exit__(self, *_) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._done) == self._sent)
        self._channel.close()

    def send(self, message: bytes, due: float) -> None:
        self._sent += 1
        call = self._predict.future(message, timeout=_TIMEOUT_S)
        call.add_done_callback(lambda call: self._finish(call, due))

    def outcome(self, began: float) -> Outcome:
        due, end, version, codes = (np.array(column) for column in zip(*sorted(self._done)))
        return Outcome(due - began, (end - due) * 1000, version, codes, float(end.max() - began))

    def _finish(self, call: grpc.Future, due: float) -> None:
        end = time.perf_counter()
        code = call.code()
        version = call.result().model_spec.version.value if code is grpc.StatusCode.OK else 0
        with self._changed:
            self._done.append((due, end, version, code.name))
            self._changed.notify()
        self._on_done()
