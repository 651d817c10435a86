"""A push is whole or absent, whenever it dies."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from components.atomic_pusher.executor import Executor, push

PARTS = ('saved_model.pb', 'variables/variables.index', 'assets.extra/requests')
# Dies in the middle of a push: while files are copied, or when all are copied but not yet renamed.
DYING_PUSH = """
import os, shutil, signal, sys
from components.atomic_pusher import executor
copy = shutil.copy2
def copy_one_and_die(source, destination):
    copy(source, destination)
    os.kill(os.getpid(), signal.SIGKILL)
def die(root):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == 'copying':
    copytree = shutil.copytree
    shutil.copytree = lambda *paths: copytree(*paths, copy_function=copy_one_and_die)
else:
    executor._sync_tree = die
executor.push(sys.argv[1], sys.argv[2])
"""


@pytest.fixture
def model(tmp_path) -> Path:
    for part in PARTS:
        path = tmp_path / 'model' / 'Format-Serving' / part
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(part)
    return tmp_path / 'model' / 'Format-Serving'


def _names(base: Path) -> list[str]:
    return sorted(path.name for path in base.iterdir())


def test_a_push_copies_everything_to_a_numbered_folder(tmp_path, model):
    pushed = push(model, tmp_path / 'serving')
    assert _names(tmp_path / 'serving') == [pushed.name]
    assert {part: (pushed / part).read_text() for part in PARTS} == {part: part for part in PARTS}
    assert abs(int(pushed.name) - time.time()) < 60


def test_a_later_push_is_the_newest_version(tmp_path, model):
    future = tmp_path / 'serving' / str(int(time.time()) + 10_000)
    future.mkdir(parents=True)
    assert int(push(model, tmp_path / 'serving').name) == int(future.name) + 1


@pytest.mark.parametrize('moment', ['copying', 'copied'])
def test_a_killed_push_leaves_no_version_and_the_next_one_cleans_up(tmp_path, model, moment):
    base = tmp_path / 'serving'
    killed = subprocess.run([sys.executable, '-c', DYING_PUSH, str(model), str(base), moment])
    assert killed.returncode == -signal.SIGKILL
    assert len(_names(base)) == 1
    assert not any(name.isdecimal() for name in _names(base))

    pushed = push(model, base)
    assert _names(base) == [pushed.name]
    assert all((pushed / part).exists() for part in PARTS)


@pytest.mark.parametrize('blessed', [1, 0])
def test_only_a_blessed_model_is_pushed(tmp_path, model, blessed):
    artifact = standard_artifacts.Model()
    artifact.uri = str(tmp_path / 'model')
    blessing = standard_artifacts.ModelBlessing()
    blessing.set_int_custom_property('blessed', blessed)
    pushed = standard_artifacts.PushedModel()
    pushed.uri = str(tmp_path / 'pushed')
    destination = pusher_pb2.PushDestination()
    destination.filesystem.base_directory = str(tmp_path / 'serving')
    Executor().Do(
        {'model': [artifact], 'model_blessing': [blessing]},
        {'pushed_model': [pushed]},
        {'push_destination': proto_utils.proto_to_json(destination)},
    )
    assert pushed.get_int_custom_property('pushed') == blessed
    assert (tmp_path / 'serving').exists() == bool(blessed)
    if blessed:
        (version,) = _names(tmp_path / 'serving')
        assert pushed.get_string_custom_property('pushed_version') == version
        assert pushed.get_string_custom_property('pushed_destination') == str(tmp_path / 'serving' / version)
        assert all((tmp_path / 'pushed' / part).exists() for part in PARTS)
