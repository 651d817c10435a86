"""Writes simulated logs in parallel processes, and the truth and the element catalogue beside them."""

import functools
import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from creative_logs.atomic_write import new_folder
from creative_logs.catalogue.write import CATALOGUE_FILE, write_catalogue
from creative_logs.schema import SPLITS, TRAIN
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.content import catalogue_batches
from creative_logs.simulator.generate import Generator
from creative_logs.simulator.world import World

TRUTH_FILE = 'truth.json'
_ROW_GROUP = 50_000
_CALIBRATION_DAYS = 8
_CALIBRATION_ROWS = 160_000

Task = tuple[int, str, int]


def simulate(
    config: SimulatorConfig,
    out: str | Path,
    workers: int = 1,
    progress: Callable[[int], None] = lambda rows: None,
) -> None:
    """Writes the logs of all days, `truth.json`, from which `Truth.from_logs` computes every CTR, and the
    catalogue of all elements that are candidates on these days.

    The rows do not depend on `workers`. Memory use depends neither on the number of rows nor on the number
    of days.

    Args:
        config: The configuration of the simulated world.
        out: The folder to write; it must be absent or empty.
        workers: The number of processes.
        progress: Called with the number of rows written since the last call.

    Raises:
        InputError: `out` is not empty or cannot be written.
    """
    with new_folder(out) as folder:
        intercept = calibrate(config)
        tasks = list(_tasks(config))
        for day, split, index in tasks:
            if index == 0:
                (folder / config.day_name(day) / split).mkdir(parents=True)
        truth = {'config': config.model_dump(mode='json'), 'intercept': intercept}
        (folder / TRUTH_FILE).write_text(json.dumps(truth, indent=2) + '\n', encoding='utf-8')
        write_catalogue(folder / CATALOGUE_FILE, catalogue_batches(World(config)))
        for rows in _run(config, intercept, folder, tasks, workers):
            progress(rows)


def calibrate(config: SimulatorConfig) -> float:
    """Finds, by bisection, the intercept at which the mean CTR of the production traffic is `config.ctr`."""
    days = np.unique(np.linspace(0, config.days - 1, _CALIBRATION_DAYS).astype(int)).tolist()
    generator = Generator(World(config))
    logits = np.concatenate([generator.logits(day, TRAIN, _CALIBRATION_ROWS // len(days)) for day in days])
    low, high = -50.0, 50.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        if np.mean(1 / (1 + np.exp(-(logits + middle)))) < config.ctr:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _tasks(config: SimulatorConfig) -> Iterator[Task]:
    generator = Generator(World(config))
    for day in range(config.days):
        for split in SPLITS:
            for index in range(generator.chunks(split)):
                yield day, split, index


def _run(
    config: SimulatorConfig, intercept: float, folder: Path, tasks: list[Task], workers: int
) -> Iterator[int]:
    arguments = (config.model_dump_json(), intercept, str(folder))
    if workers == 1:
        yield from (_write(*arguments, *task) for task in tasks)
        return
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context('spawn'))
    try:
        for future in as_completed([pool.submit(_write, *arguments, *task) for task in tasks]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _write(config_json: str, intercept: float, folder: str, day: int, split: str, index: int) -> int:
    generator = _generator(config_json, intercept)
    batch = generator.chunk(day, split, index)
    path = Path(folder, generator.config.day_name(day), split, f'part-{index:05d}.parquet')
    # Without the stored schema the dictionary-encoded lists are read back as plain lists of strings.
    with pq.ParquetWriter(path, batch.schema, store_schema=False) as writer:
        writer.write_batch(batch, row_group_size=_ROW_GROUP)
    return batch.num_rows


@functools.lru_cache(maxsize=1)
def _generator(config_json: str, intercept: float) -> Generator:
    return Generator(World(SimulatorConfig.model_validate_json(config_json), intercept))
