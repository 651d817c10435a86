"""An event loop that runs in a separate thread."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar('_T')


class EventLoop:
    """Runs coroutines for other threads; the loop starts when the object is created."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._stops = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name='event-loop', daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[object, object, _T]) -> 'Future[_T]':
        """Starts a coroutine; raises RuntimeError after the loop has been stopped."""
        with self._lock:
            if self._stops:
                coroutine.close()
                raise RuntimeError('the event loop was stopped')
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(self, coroutine: Coroutine[object, object, _T]) -> _T:
        """Runs a coroutine and blocks until it ends."""
        return self.submit(coroutine).result()

    def stop(self) -> None:
        """Cancels the coroutines that are still running and returns when they have ended."""
        with self._lock:  # coroutines submitted earlier start before the loop stops
            self._stops = True
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._stopped.wait())
