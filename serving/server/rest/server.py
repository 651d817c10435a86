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

    A bounded number of connections waits for a thread; one more is answered 503 at once.

    Args:
        app: answers the requests.
        port: to listen on; 0 picks a free one.
        threads: that answer requests.
    """

    def __init__(self, app: RestApp, port: int, threads: int = 4 * (os.cpu_count() or 1)):
        self._port = port
        self._http = wsgi.Server(
            ('::', port),
            app,
            numthreads=threads,
            accepted_queue_size=_WAITING_PER_THREAD * threads,
            accepted_queue_timeout=0.01,
            shutdown_timeout=_STOP_S,
        )
        self._thread = threading.Thread(target=self._http.serve, name='rest', daemon=True)

    def start(self) -> int:
        """Opens the port.

        Returns:
            The port.

        Raises:
            InputError: the port is in use.
        """
        try:
            self._http.prepare()
        except OSError as error:
            raise InputError(f'port {self._port}: cannot be listened on; choose another one') from error
        self._thread.start()
        return self._http.bind_addr[1]

    def stop(self) -> None:
        """Takes no more requests and lets those under way finish for five seconds."""
        self._http.stop()
        if self._thread.ident is not None:
            self._thread.join()
