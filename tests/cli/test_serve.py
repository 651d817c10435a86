"""The verb `serve` as a process of its own."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from serving.client.client import CreativeClient
from serving.client.request import SelectRequest
from tests.serving.helpers import PATIENCE_S, push, running
from tests.serving.tiny_model import example_inputs, predict_request

GENCO = [sys.executable, '-c', 'from tfx_pipeline.cli import main; main()']
REQUEST = SelectRequest(
    {'user_id': 'u', 'ad_id': 'a', 'hour': 0, 'age': 20.0, 'query_terms': []}, {'image': ['i1', 'i2']}, seed=7
)


class Serve:
    """A running `genco serve` and the lines that it prints."""

    def __init__(self, base_path, *flags, port=0):
        command = [*GENCO, 'serve', '--model-base-path', str(base_path), '--port', str(port), *flags]
        environment = {key: value for key, value in os.environ.items() if not key.startswith('TF_CPP')}
        environment['PYTHONFAULTHANDLER'] = '1'
        pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
        self.process = subprocess.Popen(
            [*command, '--version-poll-seconds', '0.05'], text=True, env=environment, **pipes
        )
        self._lines = queue.Queue()
        self._reader = threading.Thread(
            target=lambda: [self._lines.put(line) for line in self.process.stdout]
        )
        self._reader.start()

    def wait_for(self, pattern):
        while not (found := re.search(pattern, self._lines.get(timeout=PATIENCE_S))):
            pass
        return found

    def end(self, number):
        """Sends a signal; returns the exit status and standard error."""
        self.process.send_signal(number)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            pytest.fail(f'does not stop:\n{self.process.stderr.read()}')
        self._reader.join()
        return self.process.returncode, self.process.stderr.read()


@contextmanager
def serving(base_path, *flags, port=0):
    serve = Serve(base_path, *flags, port=port)
    try:
        yield serve
    finally:
        if serve.process.poll() is None:
            serve.end(signal.SIGKILL)


def ask(port):
    with CreativeClient(f'localhost:{port}', timeout_s=PATIENCE_S) as client:
        return client.select(REQUEST)


def test_killed_and_started_again_gives_the_same_answer(exported, base_path):
    push(exported[0], base_path, 1)
    with serving(base_path) as serve:
        port = serve.wait_for(r'serving model genco at localhost:(\d+)')[1]
        before = ask(port)
        serve.end(signal.SIGKILL)
    with serving(base_path, port=port) as serve:
        serve.wait_for('serving model genco')
        assert ask(port) == before


@pytest.mark.parametrize('step', range(0, 6, 2))
def test_killed_while_versions_are_swapped(exported, base_path, step):
    """The kill falls into copying, loading, warming up, or serving of the second version."""
    push(exported[0], base_path, 1)
    with serving(base_path) as serve:
        port = serve.wait_for(r'serving model genco at localhost:(\d+)')[1]
        push(exported[1], base_path, 2)
        time.sleep(0.1 * step)
        serve.end(signal.SIGKILL)
    with serving(base_path, port=port) as serve:
        serve.wait_for('serving model genco')
        answer = ask(port)
    assert answer.model_version == 2
    assert answer == _answers_of(exported[1], base_path.parent / 'other')


def _answers_of(version, base_path):
    base_path.mkdir()
    push(version, base_path, 2)
    with running(base_path) as server:
        return ask(server.port)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_announces_versions_and_stops_quietly(exported, base_path, number):
    push(exported[0], base_path, 1)
    with serving(base_path) as serve:
        serve.wait_for('version 1 is loaded')
        serve.wait_for('serving model genco')
        push(exported[1], base_path, 2)
        serve.wait_for('version 2 is loaded')
        serve.wait_for('version 1 is let go')
        status, errors = serve.end(number)
    assert (status, errors) == (0, '')


@pytest.mark.parametrize('flags', [(), ('--enable_batching',)], ids=['threads', 'batching'])
def test_stops_though_a_request_goes_on(exported, base_path, flags):
    push(exported[0], base_path, 1)
    spin = predict_request({'rounds': np.array([1 << 60])}, 'genco', 'spin')
    with serving(base_path, *flags) as serve:
        port = serve.wait_for(r'serving model genco at localhost:(\d+)')[1]
        with grpc.insecure_channel(f'localhost:{port}') as channel:
            stub = PredictionServiceStub(channel)
            call = stub.Predict.future(spin)
            stub.Predict(predict_request(example_inputs(), 'genco'), timeout=PATIENCE_S)
            assert not call.done()
            status, _ = serve.end(signal.SIGTERM)
    assert status == 0


@pytest.mark.skipif(sys.platform != 'linux', reason='scheduling policies of threads are those of Linux')
def test_with_batching_some_threads_do_not_interrupt_the_event_loop(exported, base_path):
    push(exported[0], base_path, 1)
    with serving(base_path, '--enable_batching') as serve:
        serve.wait_for('serving model genco')
        threads = os.listdir(f'/proc/{serve.process.pid}/task')
        policies = [os.sched_getscheduler(int(thread)) for thread in threads]
    assert 0 < policies.count(os.SCHED_BATCH) < policies.count(os.SCHED_OTHER)


def test_broken_version_is_one_line(exported, base_path):
    push(exported[0], base_path, 1, lambda folder: (folder / 'saved_model.pb').write_bytes(b'no model'))
    with serving(base_path) as serve:
        serve.wait_for('serving model genco')
        _, errors = serve.end(signal.SIGTERM)
    assert re.fullmatch(
        r'genco: version 1 cannot be served and is passed over: .*saved_model\.pb.*\n', errors
    )


def test_memory_is_prepared_before_a_version_is_loaded(base_path):
    code = """
from serving.server import model_server as server
from serving.server.model_manager import gc_tuning as memory

class ModelServer:
    def __init__(self, *arguments):
        print('loads', flush=True)
        raise SystemExit

memory.prepare, server.ModelServer = lambda: print('prepared'), ModelServer
from tfx_pipeline.cli import main
main()
"""
    command = [sys.executable, '-c', code, 'serve', '--model-base-path', str(base_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.split() == ['prepared', 'loads'], done.stderr
