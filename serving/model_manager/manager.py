"""Keeps the newest version of one model that loads, and lets the one before go when it is idle."""

import contextlib
import enum
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc

from serving.errors import StatusError
from serving.model_manager.servable import Servable
from serving.model_manager.versions import VersionFolder, list_versions
from serving.model_manager.warmup import warm_up


class State(enum.IntEnum):
    """Life of a version, numbered as in `ModelVersionStatus.State`."""

    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True)
class VersionStatus:
    """State of a version; with END, the error for which it failed to load, if it did."""

    version: int
    state: State
    error: StatusError | None = None


class ModelManager:
    """Versions of a model under its base path.

    A new version is loaded and warmed up before it is announced; then the old one gets no more requests
    and is closed by the last that it still has. A version that fails is passed over, and tried again when
    its files change. Where the newest fails, the next one serves, at start as well.

    Args:
        name: of the model.
        base_path: its folder, one numbered sub folder per version.
        on_change: called with every change of a version's state, by the thread that makes it.
    """

    def __init__(
        self, name: str, base_path: Path, on_change: Callable[[VersionStatus], None] = lambda _: None
    ):
        self.name = name
        self.base_path = base_path
        self._on_change = on_change
        self._lock = threading.Lock()
        self._in_use: dict[int, _InUse] = {}
        self._statuses: dict[int, VersionStatus] = {}
        self._failed_stamps: dict[int, tuple] = {}

    def poll(self) -> None:
        """Looks at the base path once and brings what is served in line; blocks while a version loads.

        Raises:
            OSError: the base path cannot be read; nothing changes.
        """
        folders = list_versions(self.base_path)
        chosen = next((folder.number for folder in folders if self._ensure_loaded(folder)), None)
        if chosen is not None or not folders:
            self._retire(but=chosen)

    @contextlib.contextmanager
    def acquire(self, version: int | None = None) -> Iterator[tuple[int, Servable]]:
        """Gives a version, the newest by default, which stays loaded inside of the block.

        Raises:
            StatusError: NOT_FOUND, no such version is available.
        """
        with self._lock:
            available = [number for number, use in self._in_use.items() if not use.retired]
            number = max(available, default=None) if version is None else version
            if number not in available:
                raise not_found(self.name, version)
            use = self._in_use[number]
            use.requests += 1
        try:
            yield number, use.servable
        finally:
            if self._release(use):
                # In a thread of its own: a request must not wait for memory to be freed.
                threading.Thread(target=self._close, args=(number, use), name=f'close-{number}').start()

    def statuses(self) -> list[VersionStatus]:
        """All versions that this process has seen, newest first."""
        with self._lock:
            return sorted(self._statuses.values(), key=lambda status: -status.version)

    def close(self) -> None:
        """Lets every version go."""
        self._retire(but=None)

    def _ensure_loaded(self, folder: VersionFolder) -> bool:
        use = self._in_use.get(folder.number)
        if use is not None:
            return not use.retired
        stamp = folder.stamp()
        if self._failed_stamps.get(folder.number) == stamp:
            return False
        self._set(folder.number, State.LOADING)
        try:
            servable = _load(folder)
        except StatusError as error:
            self._failed_stamps[folder.number] = stamp
            self._set(folder.number, State.END, error)
            return False
        with self._lock:
            self._in_use[folder.number] = _InUse(servable)
        self._set(folder.number, State.AVAILABLE)
        return True

    def _retire(self, but: int | None) -> None:
        with self._lock:
            retired = [(n, use) for n, use in self._in_use.items() if n != but and not use.retired]
            for _, use in retired:
                use.retired = True
                use.requests += 1  # held by us until the state is announced
        for number, use in retired:
            self._set(number, State.UNLOADING)
            if self._release(use):
                self._close(number, use)

    def _release(self, use: '_InUse') -> bool:
        """Gives a version back; returns whether it is to be closed now."""
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
    """A loaded version, how many hold it, and whether it is on its way out."""

    servable: Servable
    requests: int = 0
    retired: bool = False


def _load(folder: VersionFolder) -> Servable:
    try:
        folder.check_whole()
        servable = Servable(folder.path)
        try:
            warm_up(servable, folder.path)
        except BaseException:
            servable.close()
            raise
        return servable
    except StatusError:
        raise
    except Exception as error:  # damage shows in many ways, and none may end the server
        code = grpc.StatusCode.DATA_LOSS if isinstance(error, OSError) else grpc.StatusCode.UNKNOWN
        raise StatusError(code, str(error)) from error
