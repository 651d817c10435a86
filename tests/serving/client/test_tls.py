"""Both clients against a server with TLS, which asks the client for its certificate too."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from creative_logs.errors import InputError
from serving.client.client import AsyncCreativeClient, CreativeClient, ServerError, Tls
from tests.serving.certificates import write_certificate
from tests.serving.client.fake_server import FakeServer
from tests.serving.helpers import MODEL, PATIENCE_S, REQUEST


@pytest.fixture(scope='module')
def pem(tmp_path_factory) -> tuple[str, str]:
    """The files of a self-signed certificate for localhost and of its key."""
    certificate, key = write_certificate(tmp_path_factory.mktemp('pem'))
    return str(certificate), str(key)


@pytest.fixture
def address(pem, shared_server):
    certificate, key = (Path(file).read_bytes() for file in pem)
    server = grpc.server(ThreadPoolExecutor(2))
    service = FakeServer(shared_server, lambda call, context: None)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    credentials = grpc.ssl_server_credentials([(key, certificate)], certificate, require_client_auth=True)
    port = server.add_secure_port('localhost:0', credentials)
    server.start()
    yield f'localhost:{port}'
    server.stop(None).wait()


def test_with_certificates(address, pem, shared_server):
    tls = Tls(pem[0], *pem)
    with CreativeClient(address, MODEL, PATIENCE_S, tls=tls) as client:
        answer = client.select(REQUEST)
    with shared_server.client() as client:
        assert answer == client.select(REQUEST)

    async def ask():
        async with AsyncCreativeClient(address, MODEL, PATIENCE_S, tls=tls) as client:
            return await client.select(REQUEST)

    assert asyncio.run(ask()) == answer


def test_strangers_get_no_answer(address, pem):
    for tls in (None, Tls(), Tls(pem[0])):
        with (
            CreativeClient(address, MODEL, timeout_s=1.0, tls=tls) as client,
            pytest.raises(ServerError),
        ):
            client.select(REQUEST)


def test_files_that_cannot_be_read(pem):
    with pytest.raises(InputError, match=r'nowhere\.pem: cannot be read: No such file or directory'):
        Tls('nowhere.pem').credentials()
    with pytest.raises(InputError, match='must be given together or not at all'):
        Tls(certificate=pem[0]).credentials()
