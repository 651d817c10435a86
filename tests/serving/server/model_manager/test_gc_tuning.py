"""In processes of their own, whose heap and collector may be changed."""

import ctypes
import subprocess
import sys

import pytest

_HAS_GLIBC = hasattr(ctypes.CDLL(None), 'mallinfo2')
pytestmark = pytest.mark.skipif(not _HAS_GLIBC, reason='needs the allocator of glibc 2.33 or later')

_PIECES = """
import ctypes, gc
from serving.server.model_manager import gc_tuning

class Info(ctypes.Structure):  # struct mallinfo2
    _fields_ = [(name, ctypes.c_size_t) for name in
                ('arena', 'ordblks', 'smblks', 'hblks', 'hblkhd', 'usmblks', 'fsmblks', 'uordblks',
                 'fordblks', 'keepcost')]

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes, libc.mallinfo2.restype = ctypes.c_void_p, [ctypes.c_void_p], Info

def pieces(count, size):
    return [libc.malloc(size) for _ in range(count)]

def free(these):
    for piece in these:
        libc.free(piece)

def resident():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * 4096
"""


def _run(code: str) -> list[int]:
    run = subprocess.run([sys.executable, '-c', _PIECES + code], capture_output=True, text=True, check=True)
    return [int(number) for number in run.stdout.split()]


def test_freed_pieces_are_joined_at_once():
    """The lists are kept: to free one may join the pieces, wherever it lies beside free memory."""
    usual, prepared = _run("""
first, second = pieces(1000, 64), pieces(1000, 64)
free(first)
print(libc.mallinfo2().fsmblks)
gc_tuning.prepare()
free(second)
print(libc.mallinfo2().fsmblks)
""")
    assert usual > 0 == prepared


def test_what_is_there_is_not_collected_any_more():
    [frozen] = _run('gc_tuning.prepare(); print(gc.get_freeze_count())')
    assert frozen > 1000


def test_requests_under_way_do_not_start_collections():
    [collected] = _run("""
gc_tuning.prepare()
began = gc.get_stats()[0]['collections']
under_way = [[] for _ in range(15_000)]
print(gc.get_stats()[0]['collections'] - began)
""")
    assert collected == 0


def test_freed_memory_is_given_back():
    """The last piece keeps the heap from shrinking by itself."""
    before, after = _run("""
held = pieces(200_000, 300)
free(held[:-1])
print(resident())
gc_tuning.release_memory()
print(resident())
""")
    assert before - after > 40e6
