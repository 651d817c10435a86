"""Repetitions of a measurement in parallel processes, one per core."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import tensorflow as tf

T = TypeVar('T')


def in_parallel(measure: Callable[..., T], tasks: Sequence[tuple]) -> list[T]:
    """`measure(*task)` of every task, in their order.

    With one thread each, as the steps of small models hardly gain by more.

    Args:
        measure: a function of a module, or a partial of one, so that a process can be told of it.
        tasks: its arguments, the longest first, so that no process is left waiting.
    """
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(os.cpu_count(), context, initializer=_use_one_thread) as pool:
        futures = [pool.submit(measure, *task) for task in tasks]
        return [future.result() for future in futures]


def in_turn(measure: Callable[..., T], tasks: Sequence[tuple]) -> list[T]:
    """As `in_parallel`, in this process: for few small tasks."""
    return [measure(*task) for task in tasks]


def _use_one_thread() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
