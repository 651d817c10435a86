"""The wheel, built once, and a fresh environment that has its base install."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.packaging.helpers import ROOT, Environment, declared, locked, name_of, run
from tests.serving.fixtures import exported, shared_server  # noqa: F401

_SOURCES = ('LICENSE', 'pyproject.toml', 'setup.py', 'configs', 'benchmarks')


@pytest.fixture(scope='session')
def wheel(tmp_path_factory) -> Path:
    """The wheel of the project, built from a copy: an old build folder would leave its files in the wheel."""
    folder = tmp_path_factory.mktemp('source')
    packages = {name.split('.')[0] for name in declared()['packages']}
    for name in (*_SOURCES, *packages):
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns('__pycache__')
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder)
    built = run([sys.executable, '-m', 'build', '--wheel', '--no-isolation'], cwd=folder)
    assert built.returncode == 0, built.stderr
    (path,) = (folder / 'dist').glob('*.whl')
    return path


@pytest.fixture(scope='session')
def base_install(wheel, tmp_path_factory) -> Environment:
    """An environment with the wheel and its base requirements, in the versions of requirements.lock."""
    folder = tmp_path_factory.mktemp('base')
    environment = Environment(folder / 'venv')
    probe = environment.pip(
        'download', '--retries', 0, '--timeout', 15, '--no-deps', '--dest', folder, 'click'
    )
    if probe.returncode != 0:
        pytest.skip('no package index can be reached')
    constraints = folder / 'constraints.txt'
    constraints.write_text(''.join(f'{name}=={version}\n' for name, version in locked().items()))
    done = environment.pip('install', '--quiet', '--constraint', constraints, wheel)
    assert done.returncode == 0, done.stderr
    assert {name_of(requirement) for requirement in declared()['install_requires']} <= locked().keys()
    return environment
