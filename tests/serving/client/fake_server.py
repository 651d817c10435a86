"""A server in front of a real one, which can delay or refuse calls."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.serving.helpers import listening


class FakeServer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Passes calls on to a real server, unless `before` ends them."""

    def __init__(self, real, before):
        self._real = real
        self._before = before
        self.calls = 0

    def GetModelMetadata(self, request, context):
        self.calls += 1
        self._before(self.calls, context)
        return self._real.prediction.GetModelMetadata(request)

    def Predict(self, request, context):
        return self._real.prediction.Predict(request)


@contextmanager
def fake_server(service):
    """Gives the address of a server with this service, stopped at the end."""
    server = grpc.server(ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    with listening(server) as address:
        yield address
