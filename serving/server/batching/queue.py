"""A queue of requests of one kind, emptied in batches. It belongs to an event loop and needs no locks."""

import asyncio
import contextlib
import functools
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
import numpy as np

from serving.server.batching.parameters import BatchingParameters
from serving.server.status_errors import StatusError
from serving.tensor_protos import Tensors


@dataclass(eq=False)
class Task:
    """A request that waits for its answer.

    Attributes:
        inputs: by alias.
        rows: of all of them.
        ends_s: monotonic time of its deadline; None for none.
        answer_of: makes the answer of the outputs, in the thread of the batch.
        answer, error, apart: what came of it; one of them is set when it is done. `apart` asks for a run of
            its own, since the batch failed.
        taken: whether it waits no longer.
        done: of the event loop that it is made in; cancelled where nobody waits for it any more.
    """

    inputs: Tensors
    rows: int
    ends_s: float | None
    answer_of: Callable[[list[np.ndarray]], object] = list
    answer: object = None
    error: StatusError | None = None
    apart: bool = False
    taken: bool = False
    came_s: float = field(default_factory=time.monotonic)
    done: asyncio.Future = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class BatchThreads:
    """Threads that run batches, and turns of the queues that share them, first come, first served."""

    def __init__(self, count: int, name: str):
        self._threads = ThreadPoolExecutor(count, name)
        self._turns = asyncio.Semaphore(count)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[Callable]:
        """Waits until a thread is free; gives what runs a function with one argument in it."""
        loop = asyncio.get_running_loop()
        async with self._turns:
            yield functools.partial(loop.run_in_executor, self._threads)

    def close(self) -> None:
        """Returns when the runs under way have ended; no turn may be asked for any more."""
        self._threads.shutdown(wait=True)


class BatchQueue:
    """Merges requests that wait. A batch asks for a thread once it is full, or its first request has waited
    long enough; while it waits for its turn, it may still grow.

    Args:
        run: runs a batch and fills in what came of each task; what it raises fails all of them, INTERNAL.
        parameters: limits.
        threads: that run the batches.
    """

    def __init__(
        self, run: Callable[[list[Task]], None], parameters: BatchingParameters, threads: BatchThreads
    ):
        self._run = run
        self._parameters = parameters
        self._threads = threads
        self._waiting: deque[Task] = deque()
        self._rows = 0
        self._asks = False
        self._batches: set[asyncio.Task] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, task: Task) -> None:
        """Returns when the task is done, in a batch with others or alone.

        Raises:
            StatusError: UNAVAILABLE, the queue is full.
        """
        self._refuse_if_full(task)
        self._waiting.append(task)
        self._rows += task.rows
        self._start_if_due()
        try:
            await task.done
        finally:
            self._forget(task)

    def idle(self) -> bool:
        """Whether nothing waits or runs."""
        return not self._waiting and not self._batches

    def _start_if_due(self) -> None:
        if self._asks or not self._waiting:
            return
        left_s = self._waiting[0].came_s + self._parameters.batch_timeout_s - time.monotonic()
        if left_s > 0 and self._rows < self._parameters.max_execution_batch_size:
            self._look_again(left_s)
            return
        self._asks = True
        batch = asyncio.get_running_loop().create_task(self._run_batch())
        self._batches.add(batch)
        batch.add_done_callback(self._batches.discard)

    def _look_again(self, in_s: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(in_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._start_if_due()

    async def _run_batch(self) -> None:
        async with self._threads.turn() as run_in_thread:
            batch = self._take()
            self._asks = False
            self._start_if_due()
            if batch:
                await self._run_in(run_in_thread, batch)
        for task in batch:
            if not task.done.cancelled():
                task.done.set_result(None)

    async def _run_in(self, run_in_thread: Callable, batch: list[Task]) -> None:
        try:
            await run_in_thread(self._run, batch)
        except Exception as error:  # such as no thread to be had; every request must be answered
            for task in batch:
                task.error = StatusError(grpc.StatusCode.INTERNAL, str(error))

    def _take(self) -> list[Task]:
        """The tasks to run together, in the order of their arrival."""
        most = self._parameters.max_execution_batch_size
        batch: list[Task] = []
        rows = 0
        while self._waiting and rows + self._waiting[0].rows <= most:
            task = self._waiting.popleft()
            task.taken = True
            batch.append(task)
            rows += task.rows
        self._rows -= rows
        return batch

    def _forget(self, task: Task) -> None:
        """Drops a task that still waits: its caller was cancelled."""
        if not task.taken:
            self._waiting.remove(task)
            self._rows -= task.rows

    def _refuse_if_full(self, task: Task) -> None:
        most = self._parameters.max_enqueued_batches
        batches = -(-(self._rows + task.rows) // self._parameters.max_execution_batch_size)
        if batches > most:
            raise StatusError(
                grpc.StatusCode.UNAVAILABLE,
                'The batch scheduling queue to which this task was submitted is full; currently '
                f'{batches - 1} batches enqueued and max_enqueued_batches is {most}',
            )
