"""The models that a server holds, found by the `ModelSpec` of a request."""

import contextlib
from collections.abc import Iterator, Mapping

import grpc
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.errors import StatusError
from serving.model_manager.manager import ModelManager, VersionStatus, not_found
from serving.model_manager.servable import Servable


class Catalog:
    """Models by name."""

    def __init__(self, managers: Mapping[str, ModelManager]):
        self._managers = managers

    def __contains__(self, name: str) -> bool:
        return name in self._managers

    @contextlib.contextmanager
    def acquire(self, request) -> Iterator[tuple[int, Servable]]:
        """Gives the version that a request's model_spec asks for, the newest where it names none.

        Raises:
            StatusError: INVALID_ARGUMENT, no model, no name or an unknown label is given; NOT_FOUND, the
                model or the version is not available.
        """
        spec = model_spec(request)
        if not spec.name:
            raise StatusError(grpc.StatusCode.INVALID_ARGUMENT, 'ModelSpec has no name specified.')
        if spec.version_label:
            raise StatusError(
                grpc.StatusCode.INVALID_ARGUMENT,
                f'Unrecognized servable version label: {spec.version_label}',
            )
        version = spec.version.value if _has_version(spec) else None
        if spec.name not in self._managers:
            raise not_found(spec.name, version)
        with self._managers[spec.name].acquire(version) as found:
            yield found

    def statuses(self, request) -> list[VersionStatus]:
        """States of the versions that a request asks for, newest first.

        Raises:
            StatusError: INVALID_ARGUMENT, no model is given; NOT_FOUND, it or its version is unknown.
        """
        spec = model_spec(request)
        manager = self._managers.get(spec.name)
        statuses = manager.statuses() if manager else []
        if not statuses:
            raise StatusError(grpc.StatusCode.NOT_FOUND, f'Could not find any versions of model {spec.name}')
        if not _has_version(spec):
            return statuses
        version = spec.version.value
        statuses = [status for status in statuses if status.version == version]
        if not statuses:
            raise StatusError(
                grpc.StatusCode.NOT_FOUND, f'Could not find version {version} of model {spec.name}'
            )
        return statuses


def model_spec(request) -> ModelSpec:
    """The model_spec of a request.

    Raises:
        StatusError: INVALID_ARGUMENT, there is none.
    """
    if not request.HasField('model_spec'):
        raise StatusError(grpc.StatusCode.INVALID_ARGUMENT, 'Missing ModelSpec')
    return request.model_spec


def _has_version(spec: ModelSpec) -> bool:
    return spec.HasField('version')
