"""When freed memory is tidied up: left to themselves, libraries do so during some request, which then waits
10 to 25 ms, and all others with it where Python's lock is held."""

import ctypes
import gc

_M_MXFAST = 1  # glibc: the largest piece that is not joined with its neighbours as soon as it is freed
_libc = ctypes.CDLL(None)
_COLLECT_AFTER = (20_000, 20, 20)  # more objects than a hundred requests have


def prepare() -> None:
    """For a process that serves, once it has imported what it needs.

    What is imported stays; left out of the collections of garbage, it makes them ten times shorter. They are
    also rarer: the objects of requests under way, which are no garbage, do not start them.
    Pieces of memory are joined one by one as they are freed: loading frees hundreds of thousands, which glibc
    would join at some later time, all at once.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    if hasattr(_libc, 'mallopt'):
        _libc.mallopt(_M_MXFAST, 0)


def give_back() -> None:
    """Gives freed memory back to the system, without Python's lock.

    Protobuf (6.33) does so at every 10,000th piece that it frees, with the lock held; after this it finds
    little.
    """
    if hasattr(_libc, 'malloc_trim'):
        _libc.malloc_trim(0)
