"""Runs many tasks of one kind, in parallel processes if they are large."""

import logging
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

import tensorflow as tf

Result = TypeVar('Result')

_TASKS_OF_A_PROCESS = 8  # Then it is replaced: each training leaves 100 MB of traced graphs behind.

_progress = logging.getLogger('genco.progress')


def results_of(measure: Callable[..., Result], tasks: Sequence[tuple], parallel: bool) -> list[Result]:
    """Returns `measure(*task)` for every task, in the order of the tasks.

    Args:
        measure: A function at module level, so that it can be pickled.
        tasks: The arguments of each call. With the longest tasks first, no process idles at the end.
        parallel: Whether to use one process per core, each with a single thread, because the steps of small
            models gain little from more. Otherwise the tasks run one after another in this process.
    """
    if not parallel:
        return [measure(*task) for task in tasks]
    results: list[Result] = []
    while len(results) < len(tasks):
        some = tasks[len(results) : len(results) + _TASKS_OF_A_PROCESS * (os.cpu_count() or 1)]
        results += _in_processes(measure, some, len(results), len(tasks))
    return results


def _in_processes(
    measure: Callable[..., Result], tasks: Sequence[tuple], before: int, of: int
) -> list[Result]:
    # Without `max_tasks_per_child`, with which the executor of Python 3.11 can hang (gh-115634).
    context = multiprocessing.get_context('spawn')
    pool = ProcessPoolExecutor(os.cpu_count(), context, initializer=_use_one_thread)
    try:
        futures = [pool.submit(measure, *task) for task in tasks]
        for done, future in enumerate(as_completed(futures), 1):
            future.result()
            _progress.info('%d of %d', before + done, of)
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)


def _use_one_thread() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
