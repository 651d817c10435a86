"""A version of a model that merges the requests that wait."""

import threading
import time
from collections.abc import Mapping, Sequence

import grpc
import numpy as np
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from serving.batching.merging import kind_of, merged, parted, rows_of
from serving.batching.parameters import BatchingParameters
from serving.batching.queue import BatchQueue, Task
from serving.errors import StatusError
from serving.model_manager.servable import Servable
from serving.monitoring.metrics import Metrics

_MOST_KINDS = 64


class BatchingServable(Servable):
    """Like the servable that it wraps, whose runs it shares among requests.

    Requests share a run where signature, outputs and types are the same; so must be the sizes of their other
    dimensions, unless they are padded. Where a merged run fails, each of its requests is run again by its own
    thread, so that a bad one does no harm to others.

    Args:
        servable: runs the model.
        parameters: limits.
        metrics: count the batches.
    """

    def __init__(self, servable: Servable, parameters: BatchingParameters, metrics: Metrics):
        self.signatures = servable.signatures
        self._servable = servable
        self._parameters = parameters
        self._metrics = metrics
        self._batches: dict[tuple, _Batch] = {}
        self._lock = threading.Lock()

    def run(
        self,
        signature: SignatureDef,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None = None,
    ) -> list[np.ndarray]:
        """Runs a signature, as `Servable.run`.

        Raises:
            StatusError: as `Servable.run`; INVALID_ARGUMENT, inputs do not agree in the number of rows, or
                have more than a batch; FAILED_PRECONDITION, an output has other rows; UNAVAILABLE, too many
                wait; RESOURCE_EXHAUSTED, the time was up before the request's turn.
        """
        rows, most = rows_of(inputs), self._parameters.max_batch_size
        if rows > most and not self._parameters.enable_large_batch_splitting:
            raise StatusError(
                grpc.StatusCode.INVALID_ARGUMENT,
                f'Task size {rows} is larger than maximum input batch size {most}',
            )
        ends_s = None if timeout_s is None else time.monotonic() + timeout_s
        key = id(signature), tuple(outputs), kind_of(inputs, self._parameters.pad_variable_length_inputs)
        step = self._parameters.max_execution_batch_size
        parts = [
            self._queued(key, signature, Task(_slice(inputs, start, step), min(step, rows - start), ends_s))
            for start in range(0, max(rows, 1), step)
        ]
        return list(parts[0]) if len(parts) == 1 else [np.concatenate(arrays) for arrays in zip(*parts)]

    def cancel(self) -> None:
        """Makes the runs under way fail (CANCELLED), and all that come."""
        self._servable.cancel()

    def close(self) -> None:
        """Frees the memory; no run may be under way."""
        self._servable.close()

    def _queued(self, key: tuple, signature: SignatureDef, task: Task) -> Sequence[np.ndarray]:
        batch = self._batches.get(key) or self._added(key, signature)
        batch.queue.run(task)
        if task.apart:
            batch.answer([task])
        if task.error is not None:
            raise task.error
        return task.outputs

    def _added(self, key: tuple, signature: SignatureDef) -> '_Batch':
        """What runs requests of a new kind."""
        batch = _Batch(self._servable, signature, key[1], self._parameters, self._metrics)
        with self._lock:
            if len(self._batches) >= _MOST_KINDS:  # clients make kinds up, and each would be kept for good
                self._batches = {key: kept for key, kept in self._batches.items() if not kept.queue.idle()}
            return self._batches.setdefault(key, batch)


class _Batch:
    """Runs the tasks of its queue."""

    def __init__(
        self,
        servable: Servable,
        signature: SignatureDef,
        outputs: Sequence[str],
        parameters: BatchingParameters,
        metrics: Metrics,
    ):
        self._servable, self._signature, self._outputs = servable, signature, outputs
        self._parameters = parameters
        self._metrics = metrics
        self.queue = BatchQueue(self.run, parameters)

    def run(self, tasks: Sequence[Task]) -> None:
        """Answers tasks whose turn has come; see `answer`."""
        now = time.monotonic()
        for task in tasks:
            self._metrics.queued(self._parameters.thread_pool_name, now - task.came_s)
        self.answer(tasks)

    def answer(self, tasks: Sequence[Task]) -> None:
        """Fills in outputs or error of every task, or asks for a run apart."""
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
            task.outputs = outputs

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


def _slice(inputs: Mapping[str, np.ndarray], start: int, rows: int) -> dict[str, np.ndarray]:
    return {name: array[start : start + rows] for name, array in inputs.items()}
