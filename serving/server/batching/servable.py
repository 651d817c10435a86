"""A version of a model that merges waiting requests."""

import time
from collections.abc import Callable, Sequence
from typing import Any

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


class BatchingServable(Servable):
    """Wraps a servable so that several requests share one run.

    Requests share a run if they have the same signature, outputs and types, and, unless padding is on, the
    same sizes of dimensions other than 0. If a merged run fails, each of its requests is run again alone, so
    that an invalid request does not affect the others.

    Args:
        servable: The servable that runs the model.
        parameters: The limits of the batches.
        metrics: The metrics that count the batches.
        loop: The event loop in which requests wait; batches run in separate threads.
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
        """Runs `run_merged` from a thread and blocks until it ends."""
        return self._loop.call(self.run_merged(signature, inputs, outputs, timeout_s))

    async def run_merged(
        self,
        signature: SignatureDef,
        inputs: Tensors,
        outputs: Sequence[str],
        timeout_s: float | None = None,
        answer_of: Callable[[list[np.ndarray]], Any] = list,
    ) -> Any:
        """Runs a signature like `Servable.run`; must be awaited in the event loop.

        If the caller is cancelled, the run continues for the other requests that share it.

        Args:
            signature: See `Servable.run`.
            inputs: See `Servable.run`.
            outputs: See `Servable.run`.
            timeout_s: See `Servable.run`.
            answer_of: A function that turns the outputs into the returned answer. It is called in the thread
                of the batch, so that it does not hold up the event loop.

        Returns:
            The result of `answer_of`.

        Raises:
            StatusError: See `Servable.run`; and the inputs differ in their numbers of rows or have more rows
                than a batch (INVALID_ARGUMENT), an output has another number of rows (FAILED_PRECONDITION),
                the queue is full (UNAVAILABLE), or the deadline passed while the request waited
                (RESOURCE_EXHAUSTED).
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
        """Makes the current runs and all later ones fail (CANCELLED)."""
        self._servable.cancel()

    def close(self) -> None:
        """Cancels runs for which nobody waits any more, and frees the memory when they have ended."""
        self.cancel()
        self._threads.close()
        self._servable.close()

    def _batch_of(self, signature: SignatureDef, inputs, outputs: Sequence[str]) -> '_Batch':
        """The batch that runs requests of this kind."""
        key = id(signature), tuple(outputs), kind_of(inputs, self._parameters.pad_variable_length_inputs)
        batch = self._batches.get(key)
        if batch is None:
            if len(self._batches) >= _MOST_KINDS:  # clients could create any number of kinds
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

    async def answer(self, task: Task) -> Any:
        """The answer of a task; raises its StatusError if it failed."""
        await self.queue.run(task)
        if task.apart:
            async with self._threads.turn() as run_in_thread:
                await run_in_thread(self._answer, [task])
        if task.error is not None:
            raise task.error
        return task.answer

    def _run(self, tasks: Sequence[Task]) -> None:
        """Records how long the tasks waited and answers them; see `_answer`."""
        now = time.monotonic()
        for task in tasks:
            self._metrics.queued(self._parameters.thread_pool_name, now - task.came_s)
        self._answer(tasks)

    def _answer(self, tasks: Sequence[Task]) -> None:
        """Sets the answer or error of every task, or marks it to be run alone."""
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
    """The tasks whose deadline has not passed; the others get an error."""
    now = time.monotonic()
    for task in tasks:
        if task.ends_s is not None and task.ends_s <= now:
            task.error = StatusError(
                grpc.StatusCode.RESOURCE_EXHAUSTED, 'Run() timeout exceeded while waiting in batching queue'
            )
    return [task for task in tasks if task.error is None]


def _time_left(tasks: Sequence[Task]) -> float | None:
    """The seconds until the last deadline of the tasks; None if one of them has none."""
    ends = [task.ends_s for task in tasks if task.ends_s is not None]
    return max(ends) - time.monotonic() if len(ends) == len(tasks) else None


def _slice(inputs: Tensors, start: int, rows: int) -> dict[str, np.ndarray]:
    return {name: np.asarray(tensor)[start : start + rows] for name, tensor in inputs.items()}
