"""Every direct import is declared where it is needed, and every requirement is locked."""

import ast
import sys
from pathlib import Path

import pytest

from tests.packaging.helpers import ROOT, declared, locked, name_of

PACKAGES = ('benchmarks', 'components', 'creative_logs', 'model', 'serving', 'tfx_pipeline', 'tests')
# The distribution of a module that is not named like it.
DISTRIBUTIONS = {
    'PIL': 'pillow',
    'absl': 'absl-py',
    'google': 'protobuf',
    'grpc': 'grpcio',
    'grpc_health': 'grpcio-health-checking',
    'yaml': 'pyyaml',
    'tensorflow_serving': 'tensorflow-serving-api',
}
# What a folder may import, beside the base install; the longest folder that fits counts. Verbs of the command line
# import what their extra has when they are called.
EXTRAS = {
    'creative_logs': [],
    'creative_logs/embedding': ['embed'],
    'serving': [],
    'serving/server': ['server'],
    'components': ['pipeline'],
    'model': ['pipeline'],
    'model/baselines': ['pipeline', 'peers'],
    'tfx_pipeline': ['pipeline'],
    'benchmarks': ['benchmarks', 'peers'],
    'tests': ['benchmarks', 'embed', 'peers', 'estimator-peers', 'test', 'lint'],
}
# What requirements.lock leaves out: requirements of these extras, and tensorflow, which tensorflow-cpu replaces.
NOT_LOCKED = ('peers', 'estimator-peers', 'gpu')


def _imports(folder: str) -> dict[str, set[str]]:
    """The files that import a third-party distribution, by its name."""
    found: dict[str, set[str]] = {}
    for file in (ROOT / folder).rglob('*.py'):
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names = [node.module]
            for name in (name.split('.')[0] for name in names):
                if name not in sys.stdlib_module_names and name not in PACKAGES:
                    distribution = DISTRIBUTIONS.get(name, name_of(name))
                    found.setdefault(distribution, set()).add(str(file.relative_to(ROOT)))
    return found


def _folder_of(file: str) -> str:
    return max((folder for folder in EXTRAS if Path(file).is_relative_to(folder)), key=len)


@pytest.mark.parametrize('package', PACKAGES)
def test_imports_are_declared(package):
    arguments = declared()
    missing = {}
    for distribution, files in _imports(package).items():
        for file in files:
            extras = EXTRAS[_folder_of(file)]
            groups = [arguments['install_requires'], *(arguments['extras_require'][e] for e in extras)]
            if not any(distribution == name_of(requirement) for group in groups for requirement in group):
                missing.setdefault(distribution, []).append(file)
    assert not missing


def test_requirements_are_locked():
    arguments = declared()
    groups = {'base': arguments['install_requires'], **arguments['extras_require']}
    needed = {name_of(r) for group, rs in groups.items() if group not in NOT_LOCKED for r in rs}
    assert needed - {'tensorflow'} <= locked().keys()
    assert 'tensorflow-cpu' in locked()
