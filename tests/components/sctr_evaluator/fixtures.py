"""Exported models and logs, made once per session."""

import pytest

from components.log_example_gen.encoding import encode
from tests.components.sctr_evaluator.tiny_export import export, make_logs


@pytest.fixture(scope='session')
def logs():
    return make_logs(900)


@pytest.fixture(scope='session')
def serialized(logs) -> list[bytes]:
    return encode(logs)


@pytest.fixture(scope='session')
def model(tmp_path_factory) -> str:
    return export(tmp_path_factory.mktemp('models') / 'good')


@pytest.fixture(scope='session')
def other_model(tmp_path_factory) -> str:
    return export(tmp_path_factory.mktemp('models') / 'other', salt='other')
