"""The HTTP server of the REST API."""

import os
import threading

from cheroot import wsgi

from creative_logs.errors import InputError
from serving.server.rest.app import RestApp

_STOP_S = 5
_WAITING_PER_THREAD = 8


class RestServer:
    """Serves a `RestApp` over HTTP/1.1.

    A limited number of connections waits for a thread; further ones are answered with 503 at once.

    Args:
        app: The application that answers the requests.
        port: The port; 0 picks a free one.
        threads: The number of threads that answer requests.
    """

    def __init__(self, app: RestApp, port: int, threads: int = 4 * (os.cpu_count() or 1)):
        self._port = port
        self._http = wsgi.Server(
            ('::', port),
            app,
            numthreads=threads,
            accepted_queue_size=_WAITING_PER_THREAD * threads,
            accepted_queue_timeout=0.01,  # type: ignore[arg-type]  # a fraction works; the stub says int
            shutdown_timeout=_STOP_S,
        )
        self._thread = threading.Thread(target=self._http.serve, name='rest', daemon=True)

    def start(self) -> int:
        """Opens the port.

        Returns:
            The port.

        Raises:
            InputError: The port is in use.
        """
        try:
            self._http.prepare()
        except OSError as error:
            raise InputError(f'port {self._port} cannot be opened; choose another one') from error
        self._thread.start()
        return self._http.bind_addr[1]

    def stop(self) -> None:
        """Stops accepting requests and gives running ones five seconds to finish."""
        self._http.stop()
        if self._thread.ident is not None:
            self._thread.join()
