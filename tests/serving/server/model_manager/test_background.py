import os
import subprocess
import sys
import threading

import pytest
from tensorflow.core.protobuf.config_pb2 import RunOptions

from serving.server.batching.parameters import BatchingParameters
from serving.server.event_loop import EventLoop
from serving.server.model_manager.background import in_background
from serving.server.model_manager.servable import SessionServable, pywrap_tf_session
from serving.server.model_manager.versions import VersionFolder
from serving.server.monitoring.metrics import Metrics
from serving.server.version_loader import VersionLoader
from tests.serving.tiny_model import example_inputs

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='threads have no priority of their own')

_THREADS = """
import contextlib, os, sys
from pathlib import Path
from serving.server.version_loader import VersionLoader
from serving.server.model_manager.versions import VersionFolder
from serving.server.monitoring.metrics import Metrics

VersionLoader(Metrics())(VersionFolder(1, Path(sys.argv[1])))
usual = os.getpriority(os.PRIO_PROCESS, 0)
for thread in map(int, os.listdir('/proc/self/task')):
    with contextlib.suppress(OSError):  # it has ended
        name = Path(f'/proc/self/task/{thread}/comm').read_text().strip()
        print(name, os.getpriority(os.PRIO_PROCESS, thread) - usual)
"""


def _priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_function_has_a_low_priority_and_its_caller_keeps_its_own():
    usual = _priority()
    assert in_background(_priority) == min(usual + 10, 19)
    assert in_background(lambda: in_background(_priority)) == min(usual + 10, 19)
    assert _priority() == usual


def test_error_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 // 0)


def test_goes_on_where_priorities_may_not_be_changed(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, 'setpriority', refuse)
    assert in_background(_priority) == _priority()


@pytest.fixture
def runs(monkeypatch):
    """Of every run of a session: its thread, that one's priority, and in which threads it is computed."""
    run, found = pywrap_tf_session.TF_SessionRun_wrapper, []

    def spy(session, options, *rest):
        pool = 0
        if options is not None:
            pool = RunOptions.FromString(pywrap_tf_session.TF_GetBuffer(options)).inter_op_thread_pool
        found.append((threading.get_native_id(), _priority(), pool))
        return run(session, options, *rest)

    monkeypatch.setattr(pywrap_tf_session, 'TF_SessionRun_wrapper', spy)
    return found


def test_runs_in_background_have_one_thread_of_low_priority(exported, runs):
    servable = SessionServable(exported[0])

    def ctr():
        return servable.run(servable.signatures['serving_default'], example_inputs(3), ['ctr'])[0].tolist()

    runs.clear()
    with servable.in_background():
        background = [ctr(), ctr()]
    assert background == [ctr()] * 2
    servable.close()
    first, second, last = runs
    assert last == (threading.get_native_id(), _priority(), 0)
    assert first == second == (first[0], min(_priority() + 10, 19), -1)
    assert first[0] != last[0]


@pytest.mark.parametrize('batching, threads', [(None, 0), (BatchingParameters(), -1)])
def test_batches_are_computed_in_their_own_threads(exported, runs, batching, threads):
    loop = EventLoop()
    servable = VersionLoader(Metrics(), batching, loop=loop)(VersionFolder(1, exported[0]))
    runs.clear()
    servable.run(servable.signatures['serving_default'], example_inputs(3), ['ctr'])
    servable.close()
    loop.stop()
    assert [pool for *_, pool in runs] == [threads]


@pytest.mark.parametrize('batching', [None, BatchingParameters()])
def test_a_version_is_loaded_and_warmed_up_in_background(exported, runs, batching):
    loop = EventLoop()
    servable = VersionLoader(Metrics(), batching, loop=loop)(VersionFolder(1, exported[0]))
    servable.close()
    loop.stop()
    _, *loading = runs  # the first is that of `start_threads`
    assert {priority for _, priority, _ in loading} == {min(_priority() + 10, 19)}
    assert sum(pool == -1 for *_, pool in loading) == 2  # the warm-up requests


def test_threads_that_requests_share_keep_their_priority(exported):
    """Those that TensorFlow starts first compute requests; it starts more of the name for reading files."""
    run = subprocess.run(
        [sys.executable, '-c', _THREADS, str(exported[0])], capture_output=True, text=True, check=True
    )
    assert run.stdout.count('tf_Compute 0\n') >= os.cpu_count(), run.stdout
