"""The priority of the thread in which `grpc.aio` waits for events."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def patient_polling() -> Iterator[None]:
    """Starts the polling thread of `grpc.aio` under the policy SCHED_BATCH.

    The first server that is created within the block starts the thread, which all servers of the process
    share. It wakes up four times per request, mostly for messages that the event loop has just sent, and
    would interrupt the loop each time. Under SCHED_BATCH it waits until a processor is free or its time slice
    comes, and then finds several events at once. A thread inherits the policy of the thread that starts it.
    """
    changed = sys.platform == 'linux' and _change(os.SCHED_OTHER, os.SCHED_BATCH)
    try:
        yield
    finally:
        if changed:
            _change(os.SCHED_BATCH, os.SCHED_OTHER)


def _change(before: int, after: int) -> bool:
    """Changes the policy of the calling thread if it is `before`; returns whether it did."""
    try:
        if os.sched_getscheduler(0) != before:  # 0 is the calling thread
            return False
        os.sched_setscheduler(0, after, os.sched_param(0))
    except OSError:  # a sandbox may forbid it
        return False
    return True
