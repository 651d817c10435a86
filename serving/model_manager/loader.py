"""Loads one version and warms it up, or says why it cannot be served."""

import time

import grpc

from serving.errors import StatusError
from serving.model_manager.servable import Servable
from serving.model_manager.versions import VersionFolder
from serving.model_manager.warmup import warm_up
from serving.monitoring.metrics import Metrics


class VersionLoader:
    """Loads versions; its attempts and their times are counted in `metrics`."""

    def __init__(self, metrics: Metrics):
        self._metrics = metrics

    def __call__(self, folder: VersionFolder) -> Servable:
        """A version that has answered its warm-up requests.

        Raises:
            StatusError: it cannot be served.
        """
        start, loaded = time.perf_counter(), False
        try:
            servable = self._load(folder)
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
        servable = Servable(folder.path)
        try:
            self._warm_up(servable, folder)
        except BaseException:
            servable.close()
            raise
        return servable

    def _warm_up(self, servable: Servable, folder: VersionFolder) -> None:
        start, status = time.perf_counter(), 'OK'
        try:
            warm_up(servable, folder.path)
        except StatusError as error:
            status = error.code.name
            raise
        finally:
            self._metrics.warmup(str(folder.path), status, time.perf_counter() - start)
