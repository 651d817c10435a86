"""A queue of requests of one kind, which their own threads empty in batches."""

import enum
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

import grpc
import numpy as np

from serving.batching.merging import Arrays
from serving.batching.parameters import BatchingParameters
from serving.errors import StatusError


class News(enum.Enum):
    """What a waiting request is told: run the next batch, or that its own is over."""

    LEAD = enum.auto()
    DONE = enum.auto()


@dataclass
class Task:
    """A request that waits for its outputs, or for its turn to run a batch.

    Attributes:
        inputs: by alias.
        rows: of all of them.
        ends_s: monotonic time of its deadline; None for none.
        outputs, error, apart: what came of it; one of them is set when it is done. `apart` asks for a run of
            its own, since the batch failed.
        leads: whether it was told to lead.
        news: for its thread, DONE last.
    """

    inputs: Arrays
    rows: int
    ends_s: float | None
    outputs: Sequence[np.ndarray] | None = None
    error: StatusError | None = None
    apart: bool = False
    came_s: float = field(default_factory=time.monotonic)
    leads: bool = False
    news: 'SimpleQueue[News]' = field(default_factory=SimpleQueue)


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
        self._join(task)
        while task.news.get() is News.LEAD:
            self._lead()

    def idle(self) -> bool:
        """Whether nothing waits or runs."""
        with self._changed:
            return not self._waiting and not self._running

    def _join(self, task: Task) -> None:
        """Enqueues a task, which leads where a thread may run."""
        with self._changed:
            self._refuse_if_full(task)
            self._waiting.append(task)
            self._rows += task.rows
            self._changed.notify_all()
            if self._running < self._parameters.num_batch_threads:
                self._running += 1
                _let_lead(task)

    def _lead(self) -> None:
        """Runs one batch, then lets the thread of the first that still waits run the next.

        Only who waits is told to lead, so DONE comes last. It comes without a lock: woken threads would
        queue up for it.
        """
        batch = self._take()
        if batch:
            self._run(batch)
        with self._changed:
            following = next((task for task in self._waiting if not task.leads), None)
            if following:
                _let_lead(following)
            else:
                self._running -= 1
        for task in batch:
            task.news.put(News.DONE)

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


def _let_lead(task: Task) -> None:
    task.leads = True
    task.news.put(News.LEAD)
