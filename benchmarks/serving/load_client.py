"""Puts load on a server and times its answers. For a process of its own, which does not import TensorFlow."""

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
    """What became of R requests, in the order of their times.

    Attributes:
        at_s: float64 [R], when each was due, from the start.
        latency_ms: float64 [R], from then until its answer or failure was there.
        version: int64 [R], of the model that answered; 0 for a failure.
        codes: str [R], gRPC's, `OK` for an answer.
        seconds: from the start until the last answer.
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
        """How many requests failed, by code."""
        return dict(Counter(self.codes[self.codes != OK].tolist()))

    def percentile_ms(self, percent: float) -> float:
        """Of the latency of all requests, failures included."""
        return round(float(np.percentile(self.latency_ms, percent)), 2)


def arrivals(rate: float, seconds: float, seed: int = 1) -> np.ndarray:
    """Times of a Poisson process: float64 [R], seconds from the start, R = rate * seconds rounded."""
    gaps = np.random.default_rng(seed).exponential(1 / rate, round(rate * seconds))
    return np.cumsum(gaps)


def open_loop(address: str, messages: Sequence[bytes], due_s: np.ndarray) -> Outcome:
    """Sends requests when they are due, whether or not earlier ones are answered.

    Latency counts from when a request was due: time that it waits because the server, or this client, is
    late is part of it.

    Args:
        address: of the server.
        messages: serialized PredictRequests, sent in turn.
        due_s: float64 [R], ascending, seconds from the start.
    """
    with _Calls(address) as calls:
        began = time.perf_counter() + _START_S
        for number, due in enumerate(began + due_s):
            time.sleep(max(0.0, due - time.perf_counter()))
            calls.send(messages[number % len(messages)], due)
    return calls.outcome(began)


def closed_loop(address: str, messages: Sequence[bytes], seconds: float, in_flight: int) -> Outcome:
    """Keeps so many requests under way: the most that the server can do.

    Args:
        address, messages: as `open_loop` has them.
        seconds: after which no more are sent.
        in_flight: how many wait for an answer at any time.
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
    """A process to run `open_loop` and `closed_loop` in, so that the caller's threads do not slow them."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        yield pool


class _Calls:
    """Calls under way and those done; leaving the block waits for all of them."""

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
