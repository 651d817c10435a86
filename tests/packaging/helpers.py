"""Fresh environments, and what setup.py declares."""

import os
import re
import runpy
import subprocess
import sys
import venv
from collections.abc import Iterable
from contextlib import chdir
from pathlib import Path
from unittest import mock

import setuptools

ROOT = Path(__file__).parents[2]
# The interpreter outside the virtual environment: it has pip, as `make setup` requires.
_PYTHON = sys._base_executable
_TIMEOUT_S = 300


def declared() -> dict:
    """The arguments that setup.py passes to `setuptools.setup`."""
    with mock.patch.object(setuptools, 'setup') as setup, chdir(ROOT):
        runpy.run_path('setup.py')
    return setup.call_args.kwargs


def name_of(requirement: str) -> str:
    """The normalised name of the distribution that a requirement names."""
    return re.split(r'[\[<>=!~; ]', requirement)[0].lower().replace('_', '-')


def locked() -> dict[str, str]:
    """The version that requirements.lock pins, by the name of the distribution."""
    lines = re.findall(r'^([\w.-]+)==(\S+)', (ROOT / 'requirements.lock').read_text(), re.MULTILINE)
    return {name_of(name): version for name, version in lines}


def run(command: Iterable, **settings) -> subprocess.CompletedProcess:
    """Runs a command away from this folder, so that it imports only what is installed."""
    hidden = ('PYTHONPATH', 'PYTHONHOME', 'COVERAGE_FILE')
    settings['env'] = {key: value for key, value in os.environ.items() if key not in hidden}
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=_TIMEOUT_S, **settings
    )


class Environment:
    """A fresh virtual environment without pip.

    Args:
        folder: The folder to create it in.
    """

    def __init__(self, folder: Path):
        venv.create(folder, with_pip=False)
        self.folder = folder
        self.python = folder / 'bin' / 'python'
        self.site_packages = folder / 'lib' / f'python3.{sys.version_info.minor}' / 'site-packages'

    def pip(self, *arguments) -> subprocess.CompletedProcess:
        """Runs pip for the environment."""
        return run([_PYTHON, '-m', 'pip', '--python', self.python, *arguments], cwd=self.folder)

    def size(self) -> int:
        """The size of all installed files in bytes."""
        return sum(file.stat().st_size for file in self.site_packages.rglob('*') if file.is_file())
