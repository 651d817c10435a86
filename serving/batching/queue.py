"""A queue of requests of one kind, which their own threads empty in batches."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import grpc
import numpy as np

from serving.batching.merging import Arrays
from serving.batching.parameters import BatchingParameters
from serving.errors import StatusError


@dataclass
class Task:
    """A request that waits for its outputs, or for its turn to run a batch.

    Attributes:
        inputs: by alias.
        rows: of all of them.
        ends_s: monotonic time of its deadline; None for none.
        outputs, error, apart: what came of it; one of them is set when it is done. `apart` asks for a run of
            its own, since the batch failed.
        leads: whether its thread is to run the next batch.
    """

    inputs: Arrays
    rows: int
    ends_s: float | None
    outputs: Sequence[np.ndarray] | None = None
    error: StatusError | None = None
    apart: bool = False
    came_s: float = field(default_factory=time.monotonic)
    leads: bool = False
    woken: threading.Event = field(default_factory=threading.Event)

    def done(self) -> bool:
        """Whether the batch is over that it was part of."""
        return self.apart or self.outputs is not None or self.error is not None


class BatchQueue:
    """Merges requests that wait.

    The threads of the requests run the batches themselves, at most `num_batch_threads` of them at once; the
    others sleep until their request is done or it is their turn to run a batch.

    Args:
        run: runs a batch and fills in what came of each task; raises nothing.
        parameters: limits.
    """

    def __init__(self, run: Callable[[list[Task]], None], parameters: BatchingParameters):
        self._run = run
        self._parameters = parameters
        self._waiting: deque[Task] = deque()
        self._rows = 0
        self._running = 0
        self._changed = threading.Condition()

    def run(self, task: Task) -> None:
        """Returns when the task is done, in a batch with others or alone.

        Raises:
            StatusError: UNAVAILABLE, the queue is full.
        """
        leads, done = self._join(task), False
        while leads or not done:
            if leads:
                self._lead()
            else:
                task.woken.wait()
            with self._changed:  # read at once: who is done is never asked to lead any more
                task.woken.clear()
                leads, task.leads = task.leads, False
                done = task.done()

    def idle(self) -> bool:
        """Whether nothing waits or runs."""
        with self._changed:
            return not self._waiting and not self._running

    def _join(self, task: Task) -> bool:
        """Enqueues a task; returns whether its thread is to run a batch."""
        with self._changed:
            self._refuse_if_full(task)
            self._waiting.append(task)
            self._rows += task.rows
            self._changed.notify_all()
            if self._running == self._parameters.num_batch_threads:
                return False
            self._running += 1
            return True

    def _lead(self) -> None:
        """Runs one batch, then lets the thread of the first that still waits run the next."""
        batch = self._take()
        if batch:
            self._run(batch)
        for task in batch:
            task.woken.set()
        with self._changed:
            following = next((task for task in self._waiting if not task.leads), None)
            if following:
                following.leads = True
                following.woken.set()
            else:
                self._running -= 1

    def _take(self) -> list[Task]:
        """The tasks to run together, in the order of their arrival; none where others have taken all."""
        most = self._parameters.max_execution_batch_size
        batch: list[Task] = []
        rows = 0
        with self._changed:
            while self._waiting and self._rows < most:
                left_s = self._waiting[0].came_s + self._parameters.batch_timeout_s - time.monotonic()
                if left_s <= 0:
                    break
                self._changed.wait(left_s)
            while self._waiting and rows + self._waiting[0].rows <= most:
                batch.append(self._waiting.popleft())
                rows += batch[-1].rows
            self._rows -= rows
        return batch

    def _refuse_if_full(self, task: Task) -> None:
        most = self._parameters.max_enqueued_batches
        batches = -(-(self._rows + task.rows) // self._parameters.max_execution_batch_size)
        if batches > most:
            raise StatusError(
                grpc.StatusCode.UNAVAILABLE,
                'The batch scheduling queue to which this task was submitted is full; currently '
                f'{batches - 1} batches enqueued and max_enqueued_batches is {most}',
            )
