"""The models of a server, looked up by the `ModelSpec` of a request."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Sequence

import grpc
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.server.model_manager.manager import ModelManager, VersionStatus, not_found
from serving.server.model_manager.servable import Servable
from serving.server.model_manager.served_models import ServedModel
from serving.server.status_errors import StatusError, invalid

_log = logging.getLogger(__name__)


class ModelRegistry:
    """The served models by name; the set of models can change at run time.

    Args:
        manage: A function that creates the manager of a model.
        allow_unavailable_labels: Whether a new label may name a version that is not available.
    """

    def __init__(self, manage: Callable[[ServedModel], ModelManager], allow_unavailable_labels: bool = False):
        self._manage = manage
        self._allow_unavailable_labels = allow_unavailable_labels
        self._managers: dict[str, ModelManager] = {}
        self._changing = threading.Lock()
        self._errors: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._managers

    def manager(self, name: str) -> ModelManager:
        """The manager of a model; raises KeyError."""
        return self._managers[name]

    def start(self, models: Sequence[ServedModel]) -> None:
        """Sets the first models; `poll` loads them."""
        self._managers = {model.name: self._manage(model) for model in models}

    def reload(self, models: Sequence[ServedModel]) -> None:
        """Serves exactly these models; blocks until versions of the new models have been tried.

        Models that were served before change their versions at the next poll.

        Raises:
            StatusError: No version of a new model could be loaded (UNKNOWN), or a label names a version that
                is not available (FAILED_PRECONDITION). All other changes take effect.
        """
        with self._changing:
            before = self._managers
            added = {model.name: self._manage(model) for model in models if model.name not in before}
            for manager in added.values():
                self._poll(manager)
            managers = {model.name: added.get(model.name) or before[model.name] for model in models}
            self._managers = managers
            for name, manager in before.items():
                if name not in managers:
                    manager.close()
            for model in models:
                managers[model.name].configure(model)
        _check_available(added.values())
        for model in models:
            managers[model.name].set_labels(model.labels, self._allow_unavailable_labels)

    def poll(self) -> None:
        """Checks the base paths of all models once; see `ModelManager.poll`."""
        for manager in list(self._managers.values()):
            self._poll(manager)

    def tried(self) -> bool:
        """Whether a version of every model has been tried."""
        return all(manager.statuses() for manager in self._managers.values())

    def close(self) -> None:
        """Unloads all models; running requests fail (CANCELLED)."""
        for manager in self._managers.values():
            manager.close(cancel=True)

    def _poll(self, manager: ModelManager) -> None:
        name, path = manager.model.name, manager.model.base_path
        try:
            manager.poll()
            self._errors.pop(name, None)
        except OSError as error:
            if self._errors.get(name) != str(error):
                _log.error(
                    'the base path %s of model %s cannot be read: %s; the server waits for it',
                    path,
                    name,
                    error.strerror,
                )
            self._errors[name] = str(error)

    def acquire(self, request) -> contextlib.AbstractContextManager[tuple[int, Servable]]:
        """Acquires the version that a request's model_spec names, or the newest if it names none.

        Raises:
            StatusError: The request has no model_spec, no name or an unknown label (INVALID_ARGUMENT), or the
                model or version is not available (NOT_FOUND).
        """
        spec = model_spec(request)
        if not spec.name:
            raise invalid('ModelSpec has no name specified.')
        version = spec.version.value if _has_version(spec) else None
        manager = self._managers.get(spec.name)
        if manager is None:
            raise not_found(spec.name, version)
        if spec.version_label:
            version = manager.version_of(spec.version_label)
        return manager.acquire(version)

    def statuses(self, request) -> list[VersionStatus]:
        """The states of the versions that a request asks for, newest first.

        Raises:
            StatusError: The request has no model_spec (INVALID_ARGUMENT), or the model or version is unknown
                (NOT_FOUND).
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
        StatusError: The request has none (INVALID_ARGUMENT).
    """
    if not request.HasField('model_spec'):
        raise invalid('Missing ModelSpec')
    return request.model_spec


def _check_available(managers: Iterable[ModelManager]) -> None:
    failed = [f'{{{manager.model.name}: {_reason(manager)}}}' for manager in managers if not manager.serves()]
    if failed:
        raise StatusError(
            grpc.StatusCode.UNKNOWN, f'{len(failed)} model(s) did not become available: {", ".join(failed)}'
        )


def _reason(manager: ModelManager) -> str:
    errors = [status.error.message for status in manager.statuses() if status.error]
    return errors[0] if errors else f'no version found at {manager.model.base_path}'


def _has_version(spec: ModelSpec) -> bool:
    return spec.HasField('version')
