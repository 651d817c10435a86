"""A queue of requests that can be merged. It belongs to an event loop and needs no locks."""

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
        inputs: The input tensors by alias.
        rows: The number of rows of every input.
        ends_s: The monotonic time of its deadline in seconds; None if it has none.
        answer_of: A function that turns the outputs into the answer, called in the thread of the batch.
        answer: The answer. When the task is done, exactly one of `answer`, `error` and `apart` is set.
        error: The error, if the task failed.
        apart: Whether the task must be run again alone, because its batch failed.
        taken: Whether the task has left the queue.
        came_s: The monotonic time of its arrival in seconds.
        done: A future of the event loop in which the task was created; cancelled when nobody waits for the
            task any more.
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
    """Threads that run batches; the queues that share them take turns, first come, first served."""

    def __init__(self, count: int, name: str):
        self._threads = ThreadPoolExecutor(count, name)
        self._turns = asyncio.Semaphore(count)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[Callable]:
        """Waits for a free thread; yields a function that calls another with one argument in that thread."""
        loop = asyncio.get_running_loop()
        async with self._turns:
            yield functools.partial(loop.run_in_executor, self._threads)

    def close(self) -> None:
        """Returns when the current runs have ended; no turn may be requested after that."""
        self._threads.shutdown(wait=True)


class BatchQueue:
    """Merges waiting requests into batches.

    A batch asks for a thread when it is full or when its first request has waited long enough. It may grow
    further until it gets the thread.

    Args:
        run: A function that runs a batch and sets the result of each task; if it raises, all tasks of the
            batch fail (INTERNAL).
        parameters: The limits of the batches.
        threads: The threads that run the batches.
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
        """Queues a task and returns when it is done.

        Raises:
            StatusError: The queue is full (UNAVAILABLE).
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
        """Whether no task waits or runs."""
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
        except Exception as error:  # for example, no thread can be started; every request must be answered
            for task in batch:
                task.error = StatusError(grpc.StatusCode.INTERNAL, str(error))

    def _take(self) -> list[Task]:
        """Takes the tasks to run together from the queue, in the order of their arrival."""
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
        """Removes a task that is still in the queue because its caller was cancelled."""
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
