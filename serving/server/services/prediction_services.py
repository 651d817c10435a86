"""The gRPC services of the TensorFlow Serving API. All other methods answer UNIMPLEMENTED."""

import contextlib
import functools
from collections.abc import Callable, Iterator

from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from serving.server.model_manager.servable import Servable
from serving.server.model_manager.served_models import served_models
from serving.server.monitoring.counting import counted
from serving.server.monitoring.metrics import Metrics
from serving.server.services.model_registry import ModelRegistry, model_spec
from serving.server.services.predict import run_predict
from serving.server.services.unsupported_methods import wrong_method, wrong_task
from serving.server.status_errors import invalid, rpc

_SIGNATURES = 'signature_def'
_PREDICT, _GRPC = 'Predict', 'GRPC'
_LONGEST_DEADLINE_S = 24 * 3600


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the other methods answer that the model has no signature for them."""

    def __init__(self, registry: ModelRegistry, metrics: Metrics):
        self._registry = registry
        self._metrics = metrics

    @rpc
    def Predict(self, request, context):
        with self._answering(request) as (version, servable, observe):
            response = run_predict(servable, request, time_remaining(context), observe)
            return named(response, request, version)

    @rpc
    def Classify(self, request, context):
        self._refuse(request, 'classify')

    @rpc
    def Regress(self, request, context):
        self._refuse(request, 'regress')

    @rpc
    def MultiInference(self, request, context):
        task = request.tasks[0] if request.tasks else inference_pb2.InferenceTask()
        task.model_spec.SetInParent()  # without a task, TensorFlow Serving reports a missing name
        with self._registry.acquire(task) as (_, servable):
            raise wrong_task(servable.signatures, task)

    @rpc
    def GetModelMetadata(self, request, context):
        return metadata_response(self._registry, request)

    @contextlib.contextmanager
    def _answering(self, request) -> Iterator[tuple[int, Servable, Callable[[float], None]]]:
        """Acquires the version and counts the request; also yields a function that records the run's time."""
        name = request.model_spec.name
        # Unknown names count as '': clients could invent any number, and metrics keep all labels.
        known = name if name in self._registry else ''
        with (
            counted(self._metrics, known, _PREDICT, _GRPC),
            self._registry.acquire(request) as (version, servable),
        ):
            yield version, servable, functools.partial(self._metrics.runtime, name, _PREDICT)

    def _refuse(self, request, method: str) -> None:
        with self._registry.acquire(request) as (_, servable):
            raise wrong_method(servable.signatures, request.model_spec.signature_name, method)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest."""

    def __init__(self, registry: ModelRegistry):
        self._registry = registry

    @rpc
    def GetModelStatus(self, request, context):
        return status_response(self._registry, request)

    @rpc
    def HandleReloadConfigRequest(self, request, context):
        self._registry.reload(served_models(request.config))
        return model_management_pb2.ReloadConfigResponse(status={})


def metadata_response(
    registry: ModelRegistry, request: get_model_metadata_pb2.GetModelMetadataRequest
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """Answers with the signatures of a version.

    Raises:
        StatusError: The request names no metadata field or an unsupported one, or the version is not
            available.
    """
    model_spec(request)
    _check_metadata_fields(request.metadata_field)
    with registry.acquire(request) as (version, servable):
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in servable.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
            signatures.signature_def[name].ClearField('defaults')
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.metadata[_SIGNATURES].Pack(signatures)
    return named(response, request, version)


def status_response(
    registry: ModelRegistry, request: get_model_status_pb2.GetModelStatusRequest
) -> get_model_status_pb2.GetModelStatusResponse:
    """Answers with the states of the versions of a model.

    Raises:
        StatusError: The model or the version is unknown.
    """
    response = get_model_status_pb2.GetModelStatusResponse()
    for status in registry.statuses(request):
        entry = response.model_version_status.add(version=status.version, state=int(status.state))
        entry.status.SetInParent()
        if status.error is not None:
            entry.status.error_code = status.error.code.value[0]
            entry.status.error_message = status.error.message
    return response


def named(response, request, version: int):
    """Names the model and the version that gave a response, and returns it."""
    response.model_spec.name = request.model_spec.name
    response.model_spec.version.value = version
    return response


def time_remaining(context) -> float | None:
    """The seconds until the deadline of a call; None if it has none."""
    # gRPC reports centuries if the client set no deadline.
    remaining = context.time_remaining()
    return None if remaining is None or remaining > _LONGEST_DEADLINE_S else remaining


def _check_metadata_fields(fields) -> None:
    if not fields:
        raise invalid('GetModelMetadataRequest must specify at least one metadata_field')
    for field in fields:
        if field != _SIGNATURES:
            raise invalid(f'Metadata field {field} is not supported')
