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
    if sys.platform != 'linux':
        yield
        return
    usual = os.sched_getscheduler(0), os.sched_getparam(0)  # 0 is the calling thread
    _schedule(os.SCHED_BATCH, os.sched_param(0))
    try:
        yield
    finally:
        _schedule(*usual)


def _schedule(policy: int, parameters: 'os.sched_param') -> None:
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        os.sched_setscheduler(0, policy, parameters)
