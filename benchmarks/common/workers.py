"""Many tasks of one kind, in parallel processes where they are large."""

import logging
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

import tensorflow as tf

Result = TypeVar('Result')

_TASKS_OF_A_PROCESS = 8  # then a new one takes over: each training leaves 100 MB of traced graphs behind

_progress = logging.getLogger('genco.progress')


def results_of(measure: Callable[..., Result], tasks: Sequence[tuple], parallel: bool) -> list[Result]:
    """`measure(*task)` of every task, in their order.

    Args:
        measure: a function of a module, so that another process can be told of it.
        tasks: its arguments; with the longest first, no process is left waiting.
        parallel: a process per core, each with a single thread, as the steps of small models gain little by
            more; else one after the other in this process.
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
    # Not `max_tasks_per_child`: with it, the executor of Python 3.11 can wait for ever (gh-115634).
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
