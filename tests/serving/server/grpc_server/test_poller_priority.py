"""Threads that do not interrupt others when they wake up."""

import os
import sys
import threading

import pytest

from serving.server.grpc_server.poller_priority import patient_polling

pytestmark = pytest.mark.skipif(
    sys.platform != 'linux', reason='scheduling policies of threads are those of Linux'
)


def _policy_of_a_new_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(os.sched_getscheduler(0)))
    thread.start()
    thread.join()
    return found[0]


def test_threads_started_inside_of_the_block_wait_their_turn():
    with patient_polling():
        assert _policy_of_a_new_thread() == os.SCHED_BATCH
    assert _policy_of_a_new_thread() == os.sched_getscheduler(0) == os.SCHED_OTHER


def test_the_policy_comes_back_after_a_failure():
    with pytest.raises(ValueError, match='from the block'), patient_polling():
        raise ValueError('from the block')
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_where_policies_cannot_be_changed_nothing_is(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, 'sched_setscheduler', refuse)
    with patient_polling():
        assert _policy_of_a_new_thread() == os.SCHED_OTHER
