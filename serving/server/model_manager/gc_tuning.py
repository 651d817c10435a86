"""Controls when garbage is collected and freed memory is returned to the system.

By default this happens during some request, which then takes 10 to 25 ms longer; so do all others if Python's
global lock is held.
"""

import ctypes
import gc

_M_MXFAST = 1  # glibc: the largest chunk that is not merged with its neighbours when it is freed
_libc = ctypes.CDLL(None)
_COLLECT_AFTER = (20_000, 20, 20)  # more objects than a hundred requests create


def prepare() -> None:
    """Prepares a process for serving, after all its imports.

    Imported objects live until the end. Excluding them makes garbage collections ten times shorter. Higher
    thresholds make collections rarer, so that the live objects of running requests do not trigger them.
    Chunks of memory are merged as they are freed: loading a version frees hundreds of thousands, which glibc
    would otherwise merge later, all at once.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    if hasattr(_libc, 'mallopt'):
        _libc.mallopt(_M_MXFAST, 0)


def release_memory() -> None:
    """Returns freed memory to the system without holding Python's global lock.

    Protobuf (6.33) does the same after every 10,000 chunks that it frees, with the lock held; after this
    call, it finds little to return.
    """
    if hasattr(_libc, 'malloc_trim'):
        _libc.malloc_trim(0)
