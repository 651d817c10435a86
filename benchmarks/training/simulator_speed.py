"""Speed of the simulator."""

import os
import tempfile
import time
from pathlib import Path

from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.write import simulate


def run(quick: bool) -> dict:
    """Writes logs with the dimensions of Table 1, with one process per core.

    Args:
        quick: Whether to write only 100,000 rows.

    Returns:
        rows_per_s, rows, seconds, including set-up and writing Parquet files, and workers.
    """
    rows = 100_000 if quick else 2_000_000
    config = SimulatorConfig(ads=2000, days=10, rows=rows // 10)
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        simulate(config, Path(folder) / 'logs', workers=workers)
        seconds = time.perf_counter() - started
    return {
        'rows_per_s': round(rows / seconds),
        'rows': rows,
        'seconds': round(seconds, 2),
        'workers': workers,
    }
