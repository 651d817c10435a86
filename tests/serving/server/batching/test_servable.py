"""Requests merged in a run of the model get the answers that they get alone."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from serving.server.batching.parameters import BatchingParameters
from serving.server.batching.servable import BatchingServable
from serving.server.event_loop import EventLoop
from serving.server.model_manager.servable import SessionServable
from serving.server.monitoring.metrics import Metrics
from serving.server.status_errors import StatusError
from tests.serving.helpers import PATIENCE_S, assert_same, wait_until
from tests.serving.tiny_model import example_inputs

PADDED = BatchingParameters(max_batch_size=64, num_batch_threads=1, pad_variable_length_inputs=True)


@pytest.fixture(scope='module')
def alone(exported):
    servable = SessionServable(exported[0])
    yield servable
    servable.close()


@pytest.fixture(scope='module')
def loop():
    loop = EventLoop()
    yield loop
    loop.stop()


def _default(servable):
    signature = servable.signatures['serving_default']
    return signature, sorted(signature.outputs)


def _request(number: int, titles: int = 3) -> dict[str, np.ndarray]:
    """One to three ads."""
    inputs = example_inputs(1 + number % 3)
    cut = {name: inputs[name][:, :titles] for name in ('title_candidates', 'title_text')}
    return inputs | cut | {'seed': inputs['seed'] + 10 * number}


class Gate:
    """A servable whose runs wait until they are let go; notes their rows."""

    def __init__(self, servable: SessionServable):
        self.signatures = servable.signatures
        self.rows: list[int] = []
        self.open = threading.Event()
        self._servable = servable

    def run(self, signature, inputs, outputs, timeout_s=None):
        self.rows.append(len(next(iter(inputs.values()))))
        assert self.open.wait(PATIENCE_S)
        return self._servable.run(signature, inputs, outputs, timeout_s)


def _waiting(batching: BatchingServable) -> int:
    return sum(len(batch.queue._waiting) for batch in batching._batches.values())


def _run_while_busy(alone, loop, parameters, requests, timeout_s=None, gate=None, metrics=None):
    """Lets the requests wait while a first one runs. Returns the gate and the answers or errors."""
    gate = gate or Gate(alone)
    batching = BatchingServable(gate, parameters, metrics or Metrics(), loop)
    signature, outputs = _default(alone)
    with ThreadPoolExecutor(len(requests) + 1) as pool:
        try:
            first = pool.submit(batching.run, signature, example_inputs(1), outputs)
            wait_until(lambda: gate.rows)
            done = [pool.submit(batching.run, signature, r, outputs, timeout_s) for r in requests]
            settled = 1 + len(requests)
            wait_until(lambda: len(gate.rows) + _waiting(batching) + sum(d.done() for d in done) == settled)
        finally:
            gate.open.set()
        first.result(PATIENCE_S)
        return gate, [d.exception(PATIENCE_S) or d.result() for d in done]


def test_merged_requests_get_their_own_answers(alone, loop):
    requests = [_request(number) for number in range(8)]
    gate, answers = _run_while_busy(alone, loop, PADDED, requests)
    assert gate.rows == [1, sum(len(r['seed']) for r in requests)]
    signature, outputs = _default(alone)
    for request, answer in zip(requests, answers):
        for found, expected in zip(answer, alone.run(signature, request, outputs)):
            assert_same(found, expected)


def test_without_padding_only_equal_shapes_share_a_run(alone, loop):
    parameters = BatchingParameters(max_batch_size=64, num_batch_threads=1)
    requests = [_request(1, titles=3), _request(1, titles=2), _request(4, titles=2)]
    gate, answers = _run_while_busy(alone, loop, parameters, requests)
    assert sorted(gate.rows) == [1, 2, 4]
    assert [len(answer[0]) for answer in answers] == [2, 2, 2]
    gate, _ = _run_while_busy(alone, loop, PADDED, requests)
    assert gate.rows == [1, 6]


def test_batches_are_full_at_most_and_padded_to_an_allowed_size(alone, loop):
    parameters = BatchingParameters(
        max_batch_size=6,
        max_execution_batch_size=6,
        num_batch_threads=1,
        allowed_batch_sizes=(1, 4, 6),
        pad_variable_length_inputs=True,
    )
    requests = [_request(number) for number in (1, 4, 7, 0)]  # 2, 2, 2, 1 ads
    gate, answers = _run_while_busy(alone, loop, parameters, requests)
    assert gate.rows == [1, 6, 1]
    assert [len(answer[0]) for answer in answers] == [2, 2, 2, 1]


def test_batches_are_counted(alone, loop):
    metrics = Metrics()
    parameters = BatchingParameters(
        max_batch_size=8,
        max_execution_batch_size=8,
        num_batch_threads=1,
        allowed_batch_sizes=(1, 8),
        pad_variable_length_inputs=True,
        thread_pool_name='ads',
    )
    _run_while_busy(alone, loop, parameters, [_request(1), _request(2)], metrics=metrics)  # 2 and 3 ads
    lines = metrics.render().decode().splitlines()
    prefix = ':tensorflow:serving:batching_session:'
    for line in (
        'wrapped_run_count{} 2',
        'queuing_latency_count{thread_pool_name="ads"} 3',
        'input_batch_size_sum{} 6.0',
        'processed_batch_size_sum{} 9.0',
        'padding_size_sum{execution_batch_size="8"} 3.0',
        'padding_size_sum{execution_batch_size="1"} 0.0',
    ):
        assert prefix + line in lines


def test_a_bad_request_does_no_harm_to_others(alone, loop):
    bad = _request(2) | {'age': np.full(3, np.nan, np.float32)}
    gate, answers = _run_while_busy(alone, loop, PADDED, [_request(1), bad, _request(4)])
    assert sorted(gate.rows) == [1, 2, 2, 3, 7]
    assert isinstance(answers[1], StatusError)
    assert answers[1].code is grpc.StatusCode.INVALID_ARGUMENT
    assert not isinstance(answers[0], Exception) and not isinstance(answers[2], Exception)


def test_who_waits_past_the_deadline_is_told(alone, loop):
    _, answers = _run_while_busy(alone, loop, PADDED, [_request(1)], timeout_s=0.0)
    assert answers[0].code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert answers[0].message == 'Run() timeout exceeded while waiting in batching queue'


def test_a_batch_that_runs_out_of_time_fails_as_a_run_does(alone, loop):
    class Slow(Gate):
        def run(self, signature, inputs, outputs, timeout_s=None):
            found = super().run(signature, inputs, outputs, timeout_s)
            if timeout_s is not None:
                raise StatusError(grpc.StatusCode.DEADLINE_EXCEEDED, 'Timed out waiting for notification')
            return found

    requests = [_request(1), _request(4)]
    _, answers = _run_while_busy(alone, loop, PADDED, requests, timeout_s=PATIENCE_S, gate=Slow(alone))
    assert [answer.code for answer in answers] == [grpc.StatusCode.DEADLINE_EXCEEDED] * 2


def test_a_full_queue_refuses(alone, loop):
    parameters = BatchingParameters(
        max_batch_size=2, max_execution_batch_size=2, max_enqueued_batches=2, num_batch_threads=1,
        pad_variable_length_inputs=True,
    )  # fmt: skip
    _, answers = _run_while_busy(alone, loop, parameters, [_request(1)] * 3)
    refused = [answer for answer in answers if isinstance(answer, StatusError)]
    assert [error.code for error in refused] == [grpc.StatusCode.UNAVAILABLE]
    assert 'max_enqueued_batches is 2' in refused[0].message


def test_a_large_request_is_refused_or_split(alone, loop):
    signature, outputs = _default(alone)
    request = example_inputs(5)
    few = BatchingParameters(max_batch_size=2, max_execution_batch_size=2)
    with pytest.raises(StatusError) as error:
        BatchingServable(alone, few, Metrics(), loop).run(signature, request, outputs)
    assert error.value.message == 'Task size 5 is larger than maximum input batch size 2'
    split = BatchingParameters(
        max_batch_size=2, max_execution_batch_size=2, enable_large_batch_splitting=True
    )
    parts = BatchingServable(alone, split, Metrics(), loop).run(signature, request, outputs)
    for found, expected in zip(parts, alone.run(signature, request, outputs)):
        assert_same(found, expected)


def test_a_scalar_cannot_be_merged(alone, loop):
    signature = alone.signatures['spin']
    with pytest.raises(StatusError) as error:
        BatchingServable(alone, PADDED, Metrics(), loop).run(signature, {'rounds': np.asarray(1)}, ['rounds'])
    assert error.value.message == 'Batching Run() input tensors must have at least one dimension'


def test_many_threads_always_get_their_own_answers(alone, loop):
    batching = BatchingServable(
        alone, BatchingParameters(num_batch_threads=2, pad_variable_length_inputs=True), Metrics(), loop
    )
    signature, outputs = _default(alone)
    expected = [alone.run(signature, _request(number), outputs) for number in range(12)]

    def ask(number: int) -> None:
        for found, right in zip(batching.run(signature, _request(number), outputs), expected[number]):
            assert_same(found, right)

    with ThreadPoolExecutor(12) as pool:
        for done in [pool.submit(ask, number % 12) for number in range(240)]:
            done.result(PATIENCE_S)


def test_kinds_that_clients_make_up_are_not_kept(alone, loop):
    signature, outputs = _default(alone)
    batching = BatchingServable(alone, BatchingParameters(), Metrics(), loop)
    for width in range(1, 70):
        terms = np.full((1, width), b'', object)
        batching.run(signature, example_inputs(1) | {'query_terms': terms}, outputs)
    assert len(batching._batches) <= 64


def test_who_waits_no_longer_is_not_run(alone, loop):
    gate = Gate(alone)
    batching = BatchingServable(gate, PADDED, Metrics(), loop)
    signature, outputs = _default(alone)
    ask = lambda request: loop.submit(batching.run_merged(signature, request, outputs))  # noqa: E731
    first = ask(example_inputs(1))
    wait_until(lambda: gate.rows)
    given_up, last = ask(_request(1)), ask(_request(2))
    wait_until(lambda: _waiting(batching) == 2)
    given_up.cancel()
    wait_until(lambda: _waiting(batching) == 1)
    gate.open.set()
    assert len(first.result(PATIENCE_S)[0]) == 1
    assert len(last.result(PATIENCE_S)[0]) == 3
    assert gate.rows == [1, 3]


def test_answers_are_made_outside_of_the_event_loop(alone, loop):
    batching = BatchingServable(alone, PADDED, Metrics(), loop)
    signature, outputs = _default(alone)
    answer_of = lambda arrays: (len(arrays[0]), threading.current_thread().name)  # noqa: E731
    run = loop.submit(batching.run_merged(signature, _request(1), outputs, answer_of=answer_of))
    rows, thread = run.result(PATIENCE_S)
    assert rows == 2 and thread.startswith(PADDED.thread_pool_name)


def test_a_request_in_parts_has_one_answer(alone, loop):
    parameters = BatchingParameters(
        max_batch_size=4,
        max_execution_batch_size=2,
        enable_large_batch_splitting=True,
        num_batch_threads=1,
    )
    batching = BatchingServable(alone, parameters, Metrics(), loop)
    signature, outputs = _default(alone)
    inputs = example_inputs(3)
    run = loop.submit(batching.run_merged(signature, inputs, outputs, answer_of=tuple))
    answer = run.result(PATIENCE_S)
    assert isinstance(answer, tuple)
    for found, expected in zip(answer, alone.run(signature, inputs, outputs)):
        assert_same(found, expected)


def test_an_answer_that_cannot_be_made_fails_the_request(alone, loop):
    batching = BatchingServable(alone, PADDED, Metrics(), loop)
    signature, outputs = _default(alone)
    run = loop.submit(batching.run_merged(signature, _request(1), outputs, answer_of=lambda _: 1 / 0))
    with pytest.raises(StatusError, match='division by zero') as error:
        run.result(PATIENCE_S)
    assert error.value.code is grpc.StatusCode.INTERNAL


def test_close_ends_a_run_that_nobody_waits_for(exported, loop):
    batching = BatchingServable(SessionServable(exported[0]), PADDED, Metrics(), loop)
    spin = batching.signatures['spin']
    run = loop.submit(batching.run_merged(spin, {'rounds': np.array([1 << 60])}, ['rounds']))
    wait_until(lambda: any(batch.queue._batches for batch in batching._batches.values()))
    run.cancel()
    batching.close()
    wait_until(lambda: all(batch.queue.idle() for batch in batching._batches.values()))


def test_requests_that_come_within_the_timeout_share_a_run(alone, loop):
    gate = Gate(alone)
    gate.open.set()
    parameters = BatchingParameters(
        max_batch_size=4,
        max_execution_batch_size=4,
        batch_timeout_s=PATIENCE_S,
        num_batch_threads=1,
        pad_variable_length_inputs=True,
    )
    batching = BatchingServable(gate, parameters, Metrics(), loop)
    signature, outputs = _default(alone)
    requests = [_request(1), _request(4)]  # 2 and 2 ads: full, so that the timeout does not come
    runs = [loop.submit(batching.run_merged(signature, request, outputs)) for request in requests]
    assert [len(run.result(PATIENCE_S)[0]) for run in runs] == [2, 2]
    assert gate.rows == [4]


def test_a_batch_that_is_not_full_starts_after_the_timeout(alone, loop):
    parameters = BatchingParameters(batch_timeout_s=0.05, num_batch_threads=1)
    batching = BatchingServable(alone, parameters, Metrics(), loop)
    signature, outputs = _default(alone)
    began = time.monotonic()
    assert len(batching.run(signature, example_inputs(1), outputs)[0]) == 1
    assert time.monotonic() - began >= 0.05


def test_every_request_is_answered_where_no_thread_can_be_had(alone, loop):
    batching = BatchingServable(alone, PADDED, Metrics(), loop)
    batching._threads.close()
    signature, outputs = _default(alone)
    with pytest.raises(StatusError) as error:
        batching.run(signature, example_inputs(1), outputs)
    assert error.value.code is grpc.StatusCode.INTERNAL
