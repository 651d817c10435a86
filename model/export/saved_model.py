"""Writes the SavedModel with its warm-up requests and the configuration it was trained with."""

import os
from collections.abc import Iterator, Mapping

import tensorflow as tf
import tensorflow_transform as tft
from pydantic import ValidationError
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from creative_logs.errors import InputError
from model.config import GencoConfig
from model.export.constant_weights import constant_weights
from model.export.request_tensors import SEED, TEMPERATURE
from model.export.signatures import ServingGraph
from model.network.genco import GenCO

_EXTRA = 'assets.extra'
CONFIG_FILE = 'genco.json'
WARMUP_FILE = 'tf_serving_warmup_requests'
# The numbers of ads in the warm-up requests of each signature.
_WARMUP = {
    'serving_default': (1, 16, 100),
    'explore': (1, 16, 100),
    'choice_propensity': (1,),
    'score_elements': (1, 16, 100),
}


def export_model(
    model: GenCO, transform_output: tft.TFTransformOutput, config: GencoConfig, directory: str
) -> None:
    """Exports the model to `directory`, either completely or not at all.

    `assets.extra` holds the configuration and the warm-up requests of TensorFlow Serving.
    """
    graph = ServingGraph(model, transform_output, config)
    temporary = f'{directory}.tmp'
    with constant_weights(model, model.served_tables.values()):
        signatures = graph.signatures()
        tf.saved_model.save(graph.module(), temporary, signatures=signatures)
    extra = os.path.join(temporary, _EXTRA)
    tf.io.gfile.makedirs(extra)
    with tf.io.gfile.GFile(os.path.join(extra, CONFIG_FILE), 'w') as file:
        file.write(config.model_dump_json(indent=2))
    with tf.io.TFRecordWriter(os.path.join(extra, WARMUP_FILE)) as writer:
        for log in _warmup_requests(signatures, config.log_schema.max_candidates):
            writer.write(log.SerializeToString())
    if tf.io.gfile.exists(directory):
        tf.io.gfile.rmtree(directory)
    tf.io.gfile.rename(temporary, directory)


def exported_config(directory: str) -> GencoConfig:
    """Reads the configuration of an exported model.

    Args:
        directory: The folder of the SavedModel.

    Raises:
        InputError: The folder holds no model, or one that GenCO did not export.
    """
    path = os.path.join(directory, _EXTRA, CONFIG_FILE)
    try:
        with tf.io.gfile.GFile(path) as file:
            return GencoConfig.model_validate_json(file.read())
    except tf.errors.OpError as error:
        raise InputError(f'{directory}: not exported by GenCO: it has no {_EXTRA}/{CONFIG_FILE}') from error
    except ValidationError as error:
        raise InputError(
            f'{path}: exported by another version of GenCO; train the model again with genco run'
        ) from error


def _warmup_requests(signatures: Mapping, candidates: int) -> Iterator[prediction_log_pb2.PredictionLog]:
    """Yields requests with the largest number of candidates that the model accepts."""
    for signature, sizes in _WARMUP.items():
        ((inputs,), _) = signatures[signature].structured_input_signature
        for ads in sizes:
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = signature
            for name, spec in inputs.items():
                value = _warmup_tensor(name, spec, ads, candidates)
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            yield prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


def _warmup_tensor(name: str, spec: tf.TensorSpec, ads: int, candidates: int) -> tf.Tensor:
    if spec.shape.rank == 3:  # combinations or vectors
        return tf.zeros([ads, 0, spec.shape[2]], spec.dtype)
    if spec.dtype != tf.string or name == SEED:
        return tf.fill([ads, *spec.shape[1:]], tf.constant(1 if name == TEMPERATURE else 0, spec.dtype))
    shape = [ads, candidates] if spec.shape.rank == 2 else [ads]
    numbers = tf.range(tf.reduce_prod(shape))
    return tf.reshape(tf.strings.join([f'{name}-', tf.strings.as_string(numbers)]), shape)
