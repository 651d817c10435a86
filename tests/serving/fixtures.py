"""Fixtures: exported versions, made once per session, and servers on free ports."""

import os
import sys
from pathlib import Path

os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')

import pytest

from tests.serving.helpers import push, running
from tests.serving.tiny_model import example_inputs, export
from tfx_pipeline import cli


@pytest.fixture(scope='session')
def exported(tmp_path_factory) -> list[Path]:
    """Two versions of the tiny model, with warm-up requests, that answer differently."""
    root = tmp_path_factory.mktemp('exported')
    folders = [root / '1', root / '2']
    for seed, folder in enumerate(folders):
        export(folder, table_seed=seed, warmup=(example_inputs(1), example_inputs(3)))
    return folders


@pytest.fixture
def genco(monkeypatch, capsys):
    """Runs the command line; returns exit status, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['genco', *map(str, arguments)])
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def base_path(tmp_path) -> Path:
    path = tmp_path / 'models'
    path.mkdir()
    return path


@pytest.fixture(scope='module')
def shared_server(exported, tmp_path_factory):
    """A server of version 1 for tests that do not change its folder."""
    base_path = tmp_path_factory.mktemp('shared')
    push(exported[0], base_path, 1)
    with running(base_path) as server:
        yield server


@pytest.fixture(scope='session', params=[False, True], ids=['threads', 'batching'])
def batching(request) -> dict[str, bool]:
    """Settings of a server that merges requests, and of one that does not."""
    return {'enable_batching': request.param}


@pytest.fixture(scope='module')
def any_server(exported, batching, tmp_path_factory):
    """As `shared_server`, of both kinds."""
    base_path = tmp_path_factory.mktemp('any')
    push(exported[0], base_path, 1)
    with running(base_path, **batching) as server:
        yield server
