"""The thread in which `grpc.aio` waits for events."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def patient_polling() -> Iterator[None]:
    """The first server made inside of the block starts the thread; all servers of the process share it.

    It wakes up four times a request, mostly for what the event loop has just sent, and would interrupt the
    loop each time. As SCHED_BATCH has it, it waits until a processor is free or its turn has come, and then
    finds several events at once. A thread has the policy of the one that starts it.
    """
    changed = sys.platform == 'linux' and _change(os.SCHED_OTHER, os.SCHED_BATCH)
    try:
        yield
    finally:
        if changed:
            _change(os.SCHED_BATCH, os.SCHED_OTHER)


def _change(before: int, after: int) -> bool:
    """Changes the policy of the calling thread where it is `before`; says whether it did."""
    try:
        if os.sched_getscheduler(0) != before:  # 0 is the calling thread
            return False
        os.sched_setscheduler(0, after, os.sched_param(0))
    except OSError:  # a sandbox may forbid it
        return False
    return True
