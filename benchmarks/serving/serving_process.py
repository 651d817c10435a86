"""Runs `genco serve` in a separate process for the serving benchmarks, and measures its resources."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODEL = 'genco'
_GENCO = [sys.executable, '-c', 'from tfx_pipeline.cli import main; main()']
_GRACE_S = 30
_KIB_PER_MIB = 1 << 10


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        address: The host:port of its gRPC API.
        base_path: The base path of its model.
        pid: The id of its process.
    """

    address: str
    base_path: Path
    pid: int

    def cpu_s(self) -> float:
        """User and system time so far, in seconds."""
        user, system = Path(f'/proc/{self.pid}/stat').read_text().rpartition(')')[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf('SC_CLK_TCK')

    def resident_mib(self) -> float:
        """Current resident memory in MiB."""
        status = Path(f'/proc/{self.pid}/status').read_text()
        (resident,) = re.findall(r'VmRSS:\s+(\d+)', status)
        return int(resident) / _KIB_PER_MIB


@contextmanager
def serving(version: Path, *flags: str) -> Iterator[Server]:
    """Serves a copy of an exported model as version 1, on a free port.

    Args:
        version: The folder of the SavedModel.
        flags: Further flags of `genco serve`.

    Raises:
        RuntimeError: The server ended before it served the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        base_path = Path(folder) / MODEL
        base_path.mkdir()
        stage(version, base_path, 1).rename(base_path / '1')
        command = [*_GENCO, 'serve', '--model-base-path', str(base_path), '--port', '0', *flags]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield Server(_address(process), base_path, process.pid)
            finally:
                process.terminate()
                try:
                    process.wait(_GRACE_S)
                except subprocess.TimeoutExpired:
                    process.kill()


def stage(version: Path, base_path: Path, number: int) -> Path:
    """Copies a version next to its final place, so that only a rename remains to be done."""
    staged = base_path / f'.{number}'
    shutil.copytree(version, staged)
    return staged


def _address(process: subprocess.Popen) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r'localhost:\d+', line):
            return found[0]
    raise RuntimeError(f'the server ended with status {process.wait()} before it served')
