import asyncio
from concurrent.futures import CancelledError

import pytest

from serving.server.event_loop import EventLoop
from tests.serving.helpers import PATIENCE_S


async def _double(number):
    await asyncio.sleep(0)
    return 2 * number


def test_runs_coroutines_of_other_threads():
    loop = EventLoop()
    assert [done.result() for done in [loop.submit(_double(number)) for number in range(3)]] == [0, 2, 4]
    with pytest.raises(ZeroDivisionError):
        loop.call(_divide(0))
    loop.stop()


async def _divide(number):
    return 1 / number


def test_stop_cancels_what_still_runs():
    loop = EventLoop()
    endless = loop.submit(asyncio.Event().wait())
    loop.stop()
    with pytest.raises(CancelledError):
        endless.result(PATIENCE_S)
    with pytest.raises(RuntimeError, match='the event loop was stopped'):
        loop.call(_double(1))
