import os
import shutil
import threading

import grpc
import pytest

from serving.server.model_manager.manager import ModelManager, Retries, State, VersionStatus
from serving.server.model_manager.servable import SessionServable
from serving.server.model_manager.served_models import ServedModel
from serving.server.monitoring.metrics import Metrics
from serving.server.status_errors import StatusError
from serving.server.version_loader import VersionLoader
from tests.serving.helpers import push, wait_until
from tests.serving.tiny_model import example_inputs, write_warmup

START, LOADING, AVAILABLE, UNLOADING, END = State


@pytest.fixture
def changes():
    return []


@pytest.fixture
def manager(base_path, changes):
    model = ServedModel('genco', base_path)
    manager = ModelManager(model, VersionLoader(Metrics()), on_change=changes.append)
    yield manager
    manager.close()


def test_takes_the_newest_then_lets_the_old_go(manager, exported, base_path, changes):
    push(exported[0], base_path, 1)
    manager.poll()
    push(exported[1], base_path, 2)
    manager.poll()
    manager.poll()
    assert [(change.version, change.state) for change in changes] == [
        (1, START),
        (1, LOADING),
        (1, AVAILABLE),
        (2, START),
        (2, LOADING),
        (2, AVAILABLE),
        (1, UNLOADING),
        (1, END),
    ]
    assert manager.statuses() == [VersionStatus(2, AVAILABLE), VersionStatus(1, END)]


def test_version_in_use_stays_until_its_request_is_done(manager, exported, base_path):
    push(exported[0], base_path, 1)
    manager.poll()
    push(exported[1], base_path, 2)
    with manager.acquire() as (version, servable):
        manager.poll()
        assert version == 1
        assert manager.statuses() == [VersionStatus(2, AVAILABLE), VersionStatus(1, UNLOADING)]
        assert _answers(servable)
        with manager.acquire() as (newer, _):
            assert newer == 2
        with pytest.raises(StatusError), manager.acquire(1):
            pass
    wait_until(lambda: manager.statuses()[1] == VersionStatus(1, END))


def test_no_request_waits_for_memory_to_be_freed(manager, exported, base_path, monkeypatch):
    close, closers = SessionServable.close, []
    monkeypatch.setattr(
        SessionServable, 'close', lambda self: closers.append(threading.get_ident()) or close(self)
    )
    push(exported[0], base_path, 1)
    manager.poll()
    push(exported[1], base_path, 2)
    with manager.acquire():
        manager.poll()
    wait_until(lambda: manager.statuses()[1] == VersionStatus(1, END))
    assert closers and threading.get_ident() not in closers


def test_warm_up_runs_before_announcement(manager, exported, base_path, monkeypatch):
    states = []
    run = SessionServable.run
    monkeypatch.setattr(
        SessionServable, 'run', lambda *args: states.append(manager.statuses()[0].state) or run(*args)
    )
    push(exported[0], base_path, 1)
    manager.poll()
    assert states == [LOADING] * 2
    assert manager.statuses()[0].state is AVAILABLE


def _truncate(name):
    def spoil(folder):
        os.truncate(folder / name, (folder / name).stat().st_size // 2)

    return spoil


def _remove(name):
    return lambda folder: (folder / name).unlink()


def _no_variables(folder):
    shutil.rmtree(folder / 'variables')


def _empty_model(folder):
    (folder / 'saved_model.pb').write_bytes(b'')


def _failing_warm_up(folder):
    write_warmup(folder, ({'x': [1.0]},))


DATA = 'variables/variables.data-00000-of-00001'


@pytest.mark.parametrize(
    'spoil, code',
    [
        (_remove('saved_model.pb'), grpc.StatusCode.NOT_FOUND),
        (_remove('variables/variables.index'), grpc.StatusCode.NOT_FOUND),
        (_remove(DATA), grpc.StatusCode.NOT_FOUND),
        (_no_variables, grpc.StatusCode.NOT_FOUND),
        (_truncate('saved_model.pb'), grpc.StatusCode.DATA_LOSS),
        (_truncate('variables/variables.index'), grpc.StatusCode.DATA_LOSS),
        (_truncate(DATA), grpc.StatusCode.OUT_OF_RANGE),
        (_empty_model, grpc.StatusCode.UNKNOWN),
        (_failing_warm_up, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_broken_version_is_passed_over(manager, exported, base_path, spoil, code):
    push(exported[0], base_path, 1)
    manager.poll()
    push(exported[1], base_path, 2, spoil)
    manager.poll()
    broken, serving = manager.statuses()
    assert (broken.version, broken.state, broken.error.code) == (2, END, code)
    assert serving == VersionStatus(1, AVAILABLE)
    with manager.acquire() as (version, servable):
        assert version == 1 and _answers(servable)


def test_broken_version_is_tried_again_only_when_its_files_change(manager, exported, base_path, changes):
    folder = push(exported[1], base_path, 2, _remove('saved_model.pb'))
    manager.poll()
    seen = len(changes)
    manager.poll()
    assert len(changes) == seen
    shutil.copy(exported[1] / 'saved_model.pb', folder)
    manager.poll()
    assert manager.statuses() == [VersionStatus(2, AVAILABLE)]


@pytest.mark.parametrize('interval_s, attempts', [(0.0, 3), (3600.0, 1)])
def test_broken_version_is_retried_twice_after_a_while(exported, base_path, interval_s, attempts):
    push(exported[1], base_path, 2, _no_variables)
    tried = []

    def load(folder):
        tried.append(folder.number)
        folder.check_whole()

    manager = ModelManager(ServedModel('genco', base_path), load, Retries(2, interval_s))
    for _ in range(5):
        manager.poll()
    assert tried == [2] * attempts
    assert manager.statuses()[0].state is END


def test_closed_manager_loads_no_more(manager, exported, base_path):
    push(exported[0], base_path, 1)
    manager.close()
    manager.poll()
    assert not manager.statuses()


def test_start_with_a_broken_newest_version(manager, exported, base_path):
    push(exported[0], base_path, 1)
    push(exported[1], base_path, 2, _no_variables)
    manager.poll()
    with manager.acquire() as (version, _):
        assert version == 1


def test_deleted_newest_version_rolls_back(manager, exported, base_path):
    push(exported[0], base_path, 1)
    folder = push(exported[1], base_path, 2)
    manager.poll()
    shutil.rmtree(folder)
    manager.poll()
    assert manager.statuses() == [VersionStatus(2, END), VersionStatus(1, AVAILABLE)]


def test_deleted_last_version_is_let_go_and_may_come_back(manager, exported, base_path):
    folder = push(exported[0], base_path, 1)
    manager.poll()
    shutil.rmtree(folder)
    manager.poll()
    with (
        pytest.raises(StatusError, match=r'Servable not found for request: Latest\(genco\)'),
        manager.acquire(),
    ):
        pass
    push(exported[0], base_path, 1)
    manager.poll()
    assert manager.statuses() == [VersionStatus(1, AVAILABLE)]


def test_deleted_base_path_changes_nothing(manager, exported, base_path):
    push(exported[0], base_path, 1)
    manager.poll()
    shutil.rmtree(base_path)
    with pytest.raises(FileNotFoundError):
        manager.poll()
    with manager.acquire() as (_, servable):
        assert _answers(servable)


def _answers(servable) -> bool:
    [ctr] = servable.run(servable.signatures['serving_default'], example_inputs(2), ['ctr'])
    return ctr.shape == (2,)
