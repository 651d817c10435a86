"""A version of a model that merges the requests that wait."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import grpc
import numpy as np
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from serving.server.batching.merging import kind_of, merged, parted, rows_of
from serving.server.batching.parameters import BatchingParameters
from serving.server.batching.queue import BatchQueue, BatchThreads, Task
from serving.server.event_loop import EventLoop
from serving.server.model_manager.servable import Servable
from serving.server.monitoring.metrics import Metrics
from serving.server.status_errors import StatusError, invalid
from serving.tensor_protos import Tensors

_MOST_KINDS = 64
_Answer = TypeVar('_Answer')


class BatchingServable(Servable):
    """Like the servable that it wraps, whose runs it shares among requests.

    Requests share a run where signature, outputs and types are the same; so must be the sizes of their other
    dimensions, unless they are padded. Where a merged run fails, each of its requests is run again alone, so
    that a bad one does no harm to others.

    Args:
        servable: runs the model.
        parameters: limits.
        metrics: count the batches.
        loop: in which requests wait; the batches run in threads of their own.
    """

    def __init__(self, servable: Servable, parameters: BatchingParameters, metrics: Metrics, loop: EventLoop):
        self.signatures = servable.signatures
        self._servable = servable
        self._parameters = parameters
        self._metrics = metrics
        self._loop = loop
        self._threads = BatchThreads(parameters.num_batch_threads, parameters.thread_pool_name)
        self._batches: dict[tuple, _Batch] = {}

    def run(
        self,
        signature: SignatureDef,
        inputs: Tensors,
        outputs: Sequence[str],
        timeout_s: float | None = None,
    ) -> list[np.ndarray]:
        """As `run_merged`, from a thread."""
        return self._loop.call(self.run_merged(signature, inputs, outputs, timeout_s))

    async def run_merged(
        self,
        signature: SignatureDef,
        inputs: Tensors,
        outputs: Sequence[str],
        timeout_s: float | None = None,
        answer_of: Callable[[list[np.ndarray]], _Answer] = list,
    ) -> _Answer:
        """Runs a signature, as `Servable.run`; to be awaited in the event loop.

        A run goes on where the caller is cancelled, for the others that share it.

        Args:
            signature, inputs, outputs, timeout_s: as `Servable.run` has them.
            answer_of: makes what is returned of the outputs; called in the thread of the batch, which has
                time for it where the event loop's has not.

        Raises:
            StatusError: as `Servable.run`; INVALID_ARGUMENT, inputs do not agree in the number of rows, or
                have more than a batch; FAILED_PRECONDITION, an output has other rows; UNAVAILABLE, too many
                wait; RESOURCE_EXHAUSTED, the time was up before the request's turn.
        """
        rows, most = rows_of(inputs), self._parameters.max_batch_size
        if rows > most and not self._parameters.enable_large_batch_splitting:
            raise invalid(
                f'Task size {rows} is larger than maximum input batch size {most}',
            )
        ends_s = None if timeout_s is None else time.monotonic() + timeout_s
        batch = self._batch_of(signature, inputs, outputs)
        step = self._parameters.max_execution_batch_size
        if rows <= step:
            return await batch.answer(Task(inputs, rows, ends_s, answer_of))
        parts = [
            await batch.answer(Task(_slice(inputs, start, step), min(step, rows - start), ends_s))
            for start in range(0, rows, step)
        ]
        return answer_of([np.concatenate(arrays) for arrays in zip(*parts)])

    def cancel(self) -> None:
        """Makes the runs under way fail (CANCELLED), and all that come."""
        self._servable.cancel()

    def close(self) -> None:
        """Cancels runs that nobody waits for any more, and frees the memory when they have ended."""
        self.cancel()
        self._threads.close()
        self._servable.close()

    def _batch_of(self, signature: SignatureDef, inputs, outputs: Sequence[str]) -> '_Batch':
        """What runs requests of this kind."""
        key = id(signature), tuple(outputs), kind_of(inputs, self._parameters.pad_variable_length_inputs)
        batch = self._batches.get(key)
        if batch is None:
            if len(self._batches) >= _MOST_KINDS:  # clients make kinds up, and each would be kept for good
                self._batches = {key: kept for key, kept in self._batches.items() if not kept.queue.idle()}
            batch = self._batches[key] = _Batch(
                self._servable, signature, key[1], self._parameters, self._metrics, self._threads
            )
        return batch


class _Batch:
    """Runs the tasks of its queue."""

    def __init__(
        self,
        servable: Servable,
        signature: SignatureDef,
        outputs: Sequence[str],
        parameters: BatchingParameters,
        metrics: Metrics,
        threads: BatchThreads,
    ):
        self._servable, self._signature, self._outputs = servable, signature, outputs
        self._parameters = parameters
        self._metrics = metrics
        self._threads = threads
        self.queue = BatchQueue(self._run, parameters, threads)

    async def answer(self, task: Task) -> object:
        """What came of a task; raises its StatusError."""
        await self.queue.run(task)
        if task.apart:
            async with self._threads.turn() as run_in_thread:
                await run_in_thread(self._answer, [task])
        if task.error is not None:
            raise task.error
        return task.answer

    def _run(self, tasks: Sequence[Task]) -> None:
        """Answers tasks whose turn has come; see `_answer`."""
        now = time.monotonic()
        for task in tasks:
            self._metrics.queued(self._parameters.thread_pool_name, now - task.came_s)
        self._answer(tasks)

    def _answer(self, tasks: Sequence[Task]) -> None:
        """Fills in answer or error of every task, or asks for a run apart."""
        tasks = _in_time(tasks)
        if not tasks:
            return
        try:
            self._run_together(tasks)
        except StatusError as error:
            together = len(tasks) > 1 and error.code is not grpc.StatusCode.DEADLINE_EXCEEDED
            for task in tasks:
                task.apart, task.error = together, None if together else error
        except Exception as error:  # every request must be answered
            for task in tasks:
                task.error = StatusError(grpc.StatusCode.INTERNAL, str(error))

    def _run_together(self, tasks: Sequence[Task]) -> None:
        sizes = [task.rows for task in tasks]
        rows = self._padded(sum(sizes))
        self._metrics.batch(sizes, rows)
        alone = len(tasks) == 1 and rows == tasks[0].rows
        together = tasks[0].inputs if alone else merged([task.inputs for task in tasks], rows)
        found = self._servable.run(self._signature, together, self._outputs, _time_left(tasks))
        for task, outputs in zip(tasks, parted(found, sizes, rows)):
            task.answer = task.answer_of(outputs)

    def _padded(self, rows: int) -> int:
        return next((size for size in self._parameters.allowed_batch_sizes if size >= rows), rows)


def _in_time(tasks: Sequence[Task]) -> list[Task]:
    """Those that still have time; the others get their error."""
    now = time.monotonic()
    for task in tasks:
        if task.ends_s is not None and task.ends_s <= now:
            task.error = StatusError(
                grpc.StatusCode.RESOURCE_EXHAUSTED, 'Run() timeout exceeded while waiting in batching queue'
            )
    return [task for task in tasks if task.error is None]


def _time_left(tasks: Sequence[Task]) -> float | None:
    """Until the last deadline of them."""
    ends = [task.ends_s for task in tasks]
    return None if None in ends else max(ends) - time.monotonic()


def _slice(inputs: Tensors, start: int, rows: int) -> dict[str, np.ndarray]:
    return {name: np.asarray(tensor)[start : start + rows] for name, tensor in inputs.items()}
