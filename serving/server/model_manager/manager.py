"""Loads the versions of one model that its policy asks for, and unloads others when they are idle."""

import contextlib
import enum
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass

import grpc

from serving.server.model_manager.servable import Servable
from serving.server.model_manager.served_models import ServedModel
from serving.server.model_manager.versions import VersionFolder, list_versions
from serving.server.status_errors import StatusError, invalid


class State(enum.IntEnum):
    """The states of a version, numbered as in `ModelVersionStatus.State`."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True)
class VersionStatus:
    """The state of a version; `error` is set with END if the version failed to load."""

    version: int
    state: State
    error: StatusError | None = None


@dataclass(frozen=True)
class Retries:
    """How often, and after how many seconds, a failed version with unchanged files is tried again."""

    most: int = 5
    interval_s: float = 60.0


class ModelManager:
    """Manages the versions of a model under its base path.

    A new version is loaded and warmed up before it is announced. Then the old version gets no more requests,
    and is closed when its last request has ended. A version that fails to load is skipped; it is tried again
    after an interval, and as soon as its files change. If the newest version fails, the next one serves, at
    the start as well.

    Args:
        model: The model and the versions to serve.
        load: A function that loads a version and warms it up; raises StatusError.
        retries: How a version that fails is tried again.
        on_change: A function called with every change of a version's state, in the thread that makes it.
    """

    def __init__(
        self,
        model: ServedModel,
        load: Callable[[VersionFolder], Servable],
        retries: Retries = Retries(),
        on_change: Callable[[VersionStatus], None] = lambda _: None,
    ):
        self._model = model
        self._load = load
        self._retries = retries
        self._on_change = on_change
        self._lock = threading.Lock()
        self._polling = threading.Lock()
        self._in_use: dict[int, _InUse] = {}
        self._statuses: dict[int, VersionStatus] = {}
        self._failures: dict[int, _Failure] = {}
        self._labels: dict[str, int] = {}
        self._labels_to_come = dict(model.labels)
        self._closed = False

    @property
    def model(self) -> ServedModel:
        """The model and the versions that are served."""
        return self._model

    def configure(self, model: ServedModel) -> None:
        """Changes the served versions from the next poll on; `set_labels` changes the labels."""
        self._model = model

    def poll(self) -> None:
        """Checks the base path once, then loads and unloads versions; blocks while a version loads.

        Raises:
            OSError: The base path cannot be read; nothing changes.
        """
        with self._polling:
            if self._closed:
                return
            folders = list_versions(self._model.base_path)
            candidates, most = self._model.policy.choose(folders)
            kept: set[int] = set()
            for folder in candidates:
                if len(kept) != most and self._ensure_loaded(folder):
                    kept.add(folder.number)
            if kept or not folders:
                self._retire(but=kept)
            self._adopt_labels()

    def set_labels(self, labels: Mapping[str, int], allow_unavailable: bool = False) -> None:
        """Replaces all labels of versions.

        Raises:
            StatusError: A version is not available, and either that is not allowed or the label is already in
                use (FAILED_PRECONDITION); nothing changes.
        """
        with self._lock:
            available = self._available()
            for label, version in labels.items():
                if version not in available and (label in self._labels or not allow_unavailable):
                    raise StatusError(
                        grpc.StatusCode.FAILED_PRECONDITION,
                        f'Request to assign label to version {version} of model {self._model.name}, which is '
                        'not currently available for inference',
                    )
            self._labels = dict(labels)
            self._labels_to_come = {}

    def version_of(self, label: str) -> int:
        """The version that a label names.

        Raises:
            StatusError: There is no such label (INVALID_ARGUMENT).
        """
        with self._lock:
            if label not in self._labels:
                raise invalid(f'Unrecognized servable version label: {label}')
            return self._labels[label]

    @contextlib.contextmanager
    def acquire(self, version: int | None = None) -> Iterator[tuple[int, Servable]]:
        """Acquires a version, by default the newest, which stays loaded within the block.

        Raises:
            StatusError: The version is not available (NOT_FOUND).
        """
        with self._lock:
            available = self._available()
            number = max(available, default=None) if version is None else version
            if number not in available:
                raise not_found(self._model.name, version)
            use = self._in_use[number]
            use.requests += 1
        try:
            yield number, use.servable
        finally:
            if self._release(use):
                # In a separate thread: the process waits until the memory is freed, but no request does.
                threading.Thread(target=self._close, args=(number, use), daemon=False).start()

    def serves(self) -> bool:
        """Whether any version is available."""
        with self._lock:
            return bool(self._available())

    def statuses(self) -> list[VersionStatus]:
        """The states of all versions that this process has seen, newest first."""
        with self._lock:
            return sorted(self._statuses.values(), key=lambda status: -status.version)

    def close(self, cancel: bool = False) -> None:
        """Unloads every version; after that, `poll` loads none.

        Args:
            cancel: Whether running requests fail (CANCELLED) instead of keeping their version loaded.
        """
        with self._polling:
            self._closed = True
            self._retire(but=set())
            if cancel:
                self._cancel()

    def _available(self) -> set[int]:
        return {number for number, use in self._in_use.items() if not use.retired}

    def _adopt_labels(self) -> None:
        """Assigns the initial labels whose versions have become available."""
        with self._lock:
            available = self._available()
            wanted = self._labels_to_come.items()
            self._labels |= {label: version for label, version in wanted if version in available}

    def _ensure_loaded(self, folder: VersionFolder) -> bool:
        use = self._in_use.get(folder.number)
        if use is not None:
            return not use.retired
        stamp = folder.stamp()
        failure = self._failures.get(folder.number)
        if failure and failure.stamp == stamp and not self._may_retry(failure):
            return False
        self._set(folder.number, State.START)
        self._set(folder.number, State.LOADING)
        try:
            servable = self._load(folder)
        except StatusError as error:
            attempts = failure.attempts + 1 if failure and failure.stamp == stamp else 1
            self._failures[folder.number] = _Failure(stamp, attempts, time.monotonic())
            self._set(folder.number, State.END, error)
            return False
        with self._lock:
            self._in_use[folder.number] = _InUse(servable)
        self._set(folder.number, State.AVAILABLE)
        return True

    def _may_retry(self, failure: '_Failure') -> bool:
        waited = time.monotonic() - failure.at_s
        return failure.attempts <= self._retries.most and waited >= self._retries.interval_s

    def _retire(self, but: Set[int]) -> None:
        with self._lock:
            retired = [(n, use) for n, use in self._in_use.items() if n not in but and not use.retired]
            for _, use in retired:
                use.retired = True
                use.requests += 1  # the manager holds it until the state is announced
        for number, use in retired:
            self._set(number, State.UNLOADING)
            if self._release(use):
                self._close(number, use)

    def _cancel(self) -> None:
        with self._lock:
            for use in self._in_use.values():
                if use.requests:  # a version that nobody holds may already be closed
                    use.servable.cancel()

    def _release(self, use: '_InUse') -> bool:
        """Releases a version; returns whether it must be closed now."""
        with self._lock:
            use.requests -= 1
            return use.retired and use.requests == 0

    def _close(self, number: int, use: '_InUse') -> None:
        use.servable.close()
        self._set(number, State.END)
        with self._lock:
            del self._in_use[number]

    def _set(self, version: int, state: State, error: StatusError | None = None) -> None:
        status = VersionStatus(version, state, error)
        with self._lock:
            self._statuses[version] = status
        self._on_change(status)


def not_found(name: str, version: int | None) -> StatusError:
    """The answer to a request for a model or a version that is not available."""
    asked = f'Latest({name})' if version is None else f'Specific({name}, {version})'
    return StatusError(grpc.StatusCode.NOT_FOUND, f'Servable not found for request: {asked}')


@dataclass
class _InUse:
    """A loaded version, the number of requests that hold it, and whether it is being unloaded."""

    servable: Servable
    requests: int = 0
    retired: bool = False


@dataclass(frozen=True)
class _Failure:
    """A failure to load: the stamp of the files, the attempts in a row, and the time of the last one.

    The time is in seconds of the monotonic clock.
    """

    stamp: tuple
    attempts: int
    at_s: float
