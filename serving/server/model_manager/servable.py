"""One loaded version of a model."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.framework.ops import dismantle_graph

from serving.server.model_manager import gc_tuning
from serving.server.model_manager.background import background_thread
from serving.server.model_manager.loading import load_into
from serving.server.status_errors import as_status
from serving.tensor_protos import Tensors

_NO_TIMEOUT = 0
_SHARED_THREADS, _CALLERS_THREAD = 0, -1


class Servable(Protocol):
    """A version that runs its signatures; safe to use from many threads.

    Attributes:
        signatures: The signatures by name.
    """

    signatures: Mapping[str, SignatureDef]

    def run(
        self,
        signature: SignatureDef,
        inputs: Tensors,
        outputs: Sequence[str],
        timeout_s: float | None = None,
    ) -> list[np.ndarray]:
        """Runs a signature.

        Args:
            signature: One of `signatures`.
            inputs: The input tensors by alias.
            outputs: The aliases of the outputs to compute.
            timeout_s: The seconds after which the run is cancelled; None for no limit.

        Returns:
            The outputs, in the order of `outputs`.

        Raises:
            StatusError: An op failed, or the run took too long (DEADLINE_EXCEEDED).
        """
        ...

    def cancel(self) -> None:
        """Makes the current runs and all later ones fail (CANCELLED)."""
        ...

    def close(self) -> None:
        """Frees the memory; no run may be active."""
        ...


class SessionServable(Servable):
    """A SavedModel in a separate session, called like TensorFlow Serving does (C API, `Session::Run`).

    A call costs half as much as one of the signature's concrete function or of `Session.run`, deadlines also
    stop running graphs, and error messages come from the runtime unchanged.

    Args:
        path: The folder of the SavedModel.
        observe: A function called with the name of each stage of loading and its seconds.
        handed_over: Whether a run is computed in the threads that all versions share, several operations at a
            time, instead of in the thread of its caller. This is faster for one run and slower for many at
            the same time.

    Raises:
        StatusError: The variables cannot be restored.
        Exception: Another file is damaged; the type depends on the damage.
    """

    def __init__(
        self,
        path: Path,
        observe: Callable[[str, float], None] = lambda stage, seconds: None,
        handed_over: bool = True,
    ):
        self._threads = _SHARED_THREADS if handed_over else _CALLERS_THREAD
        self._graph = tf.Graph()
        self._session = _session(self._graph)
        self._ends: dict[str, object] = {}
        self._background: ThreadPoolExecutor | None = None
        try:
            self.signatures = self._load(path, observe)
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def in_background(self) -> Iterator[None]:
        """Within the block, runs are computed one by one in a thread of low priority.

        So they do not delay the runs of other versions, with which they would otherwise share threads.
        """
        with background_thread() as self._background:
            try:
                yield
            finally:
                self._background = None

    def _load(self, path: Path, observe: Callable[[str, float], None]) -> Mapping[str, SignatureDef]:
        with as_status(), self._graph.as_default():
            return dict(load_into(self._session, path, observe).signature_def)

    def run(
        self,
        signature: SignatureDef,
        inputs: Tensors,
        outputs: Sequence[str],
        timeout_s: float | None = None,
    ) -> list[np.ndarray]:
        """See `Servable.run`."""
        feeds = {
            self._end(signature.inputs[alias].name): np.asarray(tensor) for alias, tensor in inputs.items()
        }
        fetches = [self._end(signature.outputs[alias].name) for alias in outputs]
        background = self._background
        if background is None:
            return self._run(feeds, fetches, timeout_s, self._threads)
        return background.submit(self._run, feeds, fetches, timeout_s, _CALLERS_THREAD).result()

    def _run(self, feeds: dict, fetches: list, timeout_s: float | None, threads: int) -> list[np.ndarray]:
        milliseconds = _NO_TIMEOUT if timeout_s is None else max(1, int(timeout_s * 1000))
        options = config_pb2.RunOptions(timeout_in_ms=milliseconds, inter_op_thread_pool=threads)
        buffer = pywrap_tf_session.TF_NewBufferFromString(options.SerializeToString())
        try:
            with as_status():
                return pywrap_tf_session.TF_SessionRun_wrapper(
                    self._session._session, buffer, feeds, fetches, [], None
                )
        finally:
            pywrap_tf_session.TF_DeleteBuffer(buffer)

    def cancel(self) -> None:
        """See `Servable.cancel`."""
        self._session.close()

    def close(self) -> None:
        """See `Servable.close`.

        Python would free the graph at some later time, holding its global lock, and with it all requests, for
        10 ms and more. Once no Python object refers to the graph, the C API frees it with its session and
        without the lock.
        """
        self.cancel()
        session = self._session._session
        self._session._session = None
        dismantle_graph(self._graph)
        del self._session, self._graph
        pywrap_tf_session.TF_DeleteSession(session)
        gc_tuning.release_memory()

    def _end(self, name: str):
        """The C API's handle of a tensor; each is looked up once."""
        end = self._ends.get(name)
        if end is None:
            end = self._ends[name] = self._graph.get_tensor_by_name(name)._as_tf_output()
        return end


def start_threads() -> None:
    """Starts the threads that all versions share, at the priority of the calling thread.

    Otherwise the first session to load would start them, in a thread of low priority, which they would keep.
    """
    with tf.Graph().as_default() as graph, _session(graph) as session:
        session.run(tf.constant(0))


def _session(graph: tf.Graph) -> tf.compat.v1.Session:
    # Requests run in parallel on the server's threads; parallelism within an operation would only add cost.
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=os.cpu_count()
    )
    config.gpu_options.allow_growth = True
    return tf.compat.v1.Session(graph=graph, config=config)
