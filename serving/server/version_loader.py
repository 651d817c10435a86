"""Loads a version of a model and warms it up."""

import time
from functools import partial

import grpc

from serving.server.batching.parameters import BatchingParameters, read_batching_parameters
from serving.server.batching.servable import BatchingServable
from serving.server.event_loop import EventLoop
from serving.server.model_manager.background import in_background
from serving.server.model_manager.servable import Servable, SessionServable, start_threads
from serving.server.model_manager.versions import VersionFolder
from serving.server.monitoring.metrics import Metrics
from serving.server.services.warmup import warm_up
from serving.server.status_errors import StatusError

_BATCHING_FILE = 'batching_params.pbtxt'


class VersionLoader:
    """Loads versions and warms them up.

    Args:
        metrics: The metrics that count and time the attempts.
        batching: How requests are merged; None if they are not.
        per_model_batching: Whether a parameters file in the folder of a version takes precedence over
            `batching`.
        loop: The event loop in which requests wait to be merged; `batching` needs one.

    Raises:
        ValueError: There is `batching` but no `loop`.
    """

    def __init__(
        self,
        metrics: Metrics,
        batching: BatchingParameters | None = None,
        per_model_batching: bool = False,
        loop: EventLoop | None = None,
    ):
        if batching and loop is None:
            raise ValueError('batching needs an event loop')
        self._metrics = metrics
        self._batching = batching
        self._per_model_batching = per_model_batching
        self._loop = loop
        start_threads()

    def __call__(self, folder: VersionFolder) -> Servable:
        """Returns a version that has answered its warm-up requests, at low priority while others serve.

        Raises:
            StatusError: The version cannot be served.
        """
        start, loaded = time.perf_counter(), False
        try:
            servable = in_background(partial(self._load, folder))
            loaded = True
            return servable
        except StatusError:
            raise
        except Exception as error:  # a damaged version fails in many ways, and none may end the server
            code = grpc.StatusCode.DATA_LOSS if isinstance(error, OSError) else grpc.StatusCode.UNKNOWN
            raise StatusError(code, str(error)) from error
        finally:
            self._metrics.load(str(folder.path), loaded, time.perf_counter() - start)

    def _load(self, folder: VersionFolder) -> Servable:
        folder.check_whole()
        batching = self._batching_of(folder)
        observe = partial(self._metrics.load_stage, str(folder.path))
        session = SessionServable(folder.path, observe, handed_over=batching is None)
        servable: Servable = session
        if batching and self._loop:
            servable = BatchingServable(session, batching, self._metrics, self._loop)
        try:
            with session.in_background():
                self._warm_up(servable, folder)
        except BaseException:
            servable.close()
            raise
        return servable

    def _batching_of(self, folder: VersionFolder) -> BatchingParameters | None:
        file = folder.path / _BATCHING_FILE
        if self._batching and self._per_model_batching and file.exists():
            return read_batching_parameters(file)
        return self._batching

    def _warm_up(self, servable: Servable, folder: VersionFolder) -> None:
        start, status, path = time.perf_counter(), 'OK', str(folder.path)
        try:
            records = warm_up(servable, folder.path)
            self._metrics.warmup_records(path, records)
        except StatusError as error:
            status = error.code.name
            raise
        finally:
            self._metrics.warmup(path, status, time.perf_counter() - start)
