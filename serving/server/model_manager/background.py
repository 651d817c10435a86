"""Threads of low priority, which do not take the processors from requests."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar('_T')
_NICE = 10  # about a tenth of the time of a processor that requests compete for
_LEAST = 19


def background_thread() -> ThreadPoolExecutor:
    """Creates an executor with one thread of low priority."""
    return ThreadPoolExecutor(1, 'background', _lower_priority)


def in_background(function: Callable[[], _T]) -> _T:
    """Calls a function in a thread of low priority and blocks until it ends."""
    with background_thread() as thread:
        return thread.submit(function).result()


def _lower_priority() -> None:
    if sys.platform != 'linux':  # elsewhere, a priority applies to the whole process
        return
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        usual = os.getpriority(os.PRIO_PROCESS, os.getpid())
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(usual + _NICE, _LEAST))
