"""Loads one version and warms it up, or says why it cannot be served."""

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
    """Loads versions.

    Args:
        metrics: counts and times the attempts.
        batching: how requests are merged; None for not at all.
        per_model_batching: a version's own parameters file wins over `batching`.
        loop: in which requests wait to be merged; needed for `batching`.
    """

    def __init__(
        self,
        metrics: Metrics,
        batching: BatchingParameters | None = None,
        per_model_batching: bool = False,
        loop: EventLoop | None = None,
    ):
        self._metrics = metrics
        self._batching = batching
        self._per_model_batching = per_model_batching
        self._loop = loop
        start_threads()

    def __call__(self, folder: VersionFolder) -> Servable:
        """A version that has answered its warm-up requests; all of that yields the processors to others.

        Raises:
            StatusError: it cannot be served.
        """
        start, loaded = time.perf_counter(), False
        try:
            servable = in_background(partial(self._load, folder))
            loaded = True
            return servable
        except StatusError:
            raise
        except Exception as error:  # damage shows in many ways, and none may end the server
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
        if batching:
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
