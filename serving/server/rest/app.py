"""The REST API as a WSGI application, on top of the services that answer gRPC."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import grpc
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from serving.server.monitoring.counting import counted
from serving.server.monitoring.metrics import Metrics
from serving.server.rest.body import read_body
from serving.server.rest.predict import parse, render
from serving.server.services.model_registry import ModelRegistry
from serving.server.services.predict import run_predict
from serving.server.services.prediction_services import metadata_response, status_response
from serving.server.services.unsupported_methods import wrong_method
from serving.server.status_errors import StatusError, invalid

# Registers the message that GetModelMetadata packs into an Any, so that it can be written as JSON.
_SIGNATURE_MAP = get_model_metadata_pb2.SignatureDefMap
_MODEL = r'/v1/models/(?P<model>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?'
_PREDICT = re.compile(_MODEL + r':(?P<method>predict|classify|regress)', re.IGNORECASE)
_READ = re.compile(_MODEL + r'(?P<metadata>/metadata)?', re.IGNORECASE)
_HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_INT64_MAX = (1 << 63) - 1
LARGEST_BODY = (1 << 31) - 1  # the limit of a gRPC message


@dataclass(frozen=True)
class RestApp:
    """Answers one HTTP request at a time; safe to call from many threads.

    Args:
        registry: The served models.
        metrics: The metrics that count the requests.
        timeout_s: The seconds after which a run is cancelled.
        metrics_path: The path where the metrics are read; None if they are not served.
        max_body_bytes: The largest size of a body; larger ones are answered with 413.
    """

    registry: ModelRegistry
    metrics: Metrics
    timeout_s: float = 30.0
    metrics_path: str | None = None
    max_body_bytes: int = LARGEST_BODY

    def __call__(self, environ, start_response):
        request = Request(environ)
        try:
            response = self._answer(request)
        except StatusError as error:
            response = _json(_error_body(error.message), _HTTP.get(error.code, 500))
        except HTTPException as error:
            response = _json(_error_body(error.description or error.name), error.code or 500)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.method == 'GET' and request.path == self.metrics_path:
            return Response(self.metrics.render(), mimetype='text/plain')
        post, get = _PREDICT.fullmatch(request.path), _READ.fullmatch(request.path)
        if request.method == 'POST' and post:
            return _json(self._counted(post, lambda spec: self._run(request, post['method'].lower(), spec)))
        if request.method == 'GET' and get:
            return _json(self._read(get))
        if post or get:
            raise invalid(f'Method {request.method} is not allowed here')
        raise invalid(f'Malformed request: {request.method} {request.path}')

    def _run(self, request: Request, method: str, target: dict) -> bytes:
        predict = predict_pb2.PredictRequest(model_spec=target)
        with self.registry.acquire(predict) as (_, servable):
            if method != 'predict':
                raise wrong_method(servable.signatures, '', method)
            form = parse(read_body(request, self.max_body_bytes), servable.signatures, predict)
            observe = partial(self.metrics.runtime, target['name'], 'Predict')
            return render(run_predict(servable, predict, self.timeout_s, observe), form)

    def _read(self, match: re.Match) -> bytes:
        if match['metadata']:
            request = get_model_metadata_pb2.GetModelMetadataRequest(
                model_spec=_target(match), metadata_field=['signature_def']
            )
            return _proto_json(metadata_response(self.registry, request))
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=_target(match))
        return _proto_json(status_response(self.registry, request))

    def _counted(self, match: re.Match, run: Callable[[dict], bytes]) -> bytes:
        # Unknown names count as '': clients could invent any number, and metrics keep all labels.
        model = match['model'] if match['model'] in self.registry else ''
        with counted(self.metrics, model, match['method'].capitalize(), 'REST'):
            return run(_target(match))


def _target(match: re.Match) -> dict:
    """The fields of the ModelSpec that a path specifies."""
    target = {'name': match['model']}
    if match['version']:
        number = int(match['version'])
        if number > _INT64_MAX:
            raise invalid(f'Failed to convert version: {number} to numeric.')
        target['version'] = {'value': number}
    if match['label']:
        target['version_label'] = match['label']
    return target


def _proto_json(message) -> bytes:
    return json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    ).encode()


def _error_body(message: str) -> bytes:
    return json.dumps({'error': message}).encode()


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, mimetype='application/json')
