import http.client
import socket
import threading

import pytest

from creative_logs.errors import InputError
from serving.server.rest import server as rest_server
from serving.server.rest.server import RestServer
from tests.serving.helpers import PATIENCE_S


def test_port_in_use():
    with socket.create_server(('::', 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f'^port {port} cannot be opened'):
            RestServer(lambda *_: [], port).start()


def test_connections_beyond_the_queue_are_refused(monkeypatch):
    monkeypatch.setattr(rest_server, '_WAITING_PER_THREAD', 1)
    begun, release = threading.Event(), threading.Event()

    def app(environ, start_response):
        begun.set()
        release.wait(PATIENCE_S)
        start_response('200 OK', [('Content-Length', '0')])
        return []

    server = RestServer(app, 0, threads=1)
    port = server.start()
    connections = [http.client.HTTPConnection('localhost', port, timeout=PATIENCE_S) for _ in range(3)]
    try:
        connections[0].request('GET', '/')
        assert begun.wait(PATIENCE_S)
        for connection in connections[1:]:
            connection.request('GET', '/')
        assert connections[2].getresponse().status == 503
        release.set()
        assert [connection.getresponse().status for connection in connections[:2]] == [200, 200]
    finally:
        release.set()
        for connection in connections:
            connection.close()
        server.stop()
