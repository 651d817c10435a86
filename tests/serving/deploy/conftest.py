"""The deployment files."""

from pathlib import Path

import pytest

import serving


@pytest.fixture(scope='session')
def deploy() -> Path:
    return Path(serving.__file__).parent / 'deploy'
