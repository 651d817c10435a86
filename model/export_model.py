"""Writes the SavedModel with its warm-up requests and the configuration that made it."""

import os

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from creative_logs.schema import LogSchema
from model.config import GencoConfig
from model.export import SEED, TEMPERATURE, ServingModule, exploration_spec, request_spec
from model.genco import GenCO

CONFIG_FILE = 'genco.json'
WARMUP_FILE = 'tf_serving_warmup_requests'
_WARMUP_ADS = (1, 16, 100)


def export_model(
    model: GenCO, transform_output: tft.TFTransformOutput, config: GencoConfig, directory: str
) -> None:
    """Exports to `directory`, whole or not at all.

    `assets.extra` holds the configuration and the warm-up requests of TensorFlow Serving.
    """
    module = ServingModule(model, transform_output, config)
    temporary = f'{directory}.tmp'
    tf.saved_model.save(module, temporary, signatures=module.signatures())
    extra = os.path.join(temporary, 'assets.extra')
    tf.io.gfile.makedirs(extra)
    with tf.io.gfile.GFile(os.path.join(extra, CONFIG_FILE), 'w') as file:
        file.write(config.model_dump_json(indent=2))
    with tf.io.TFRecordWriter(os.path.join(extra, WARMUP_FILE)) as writer:
        for log in _warmup_requests(config.log_schema):
            writer.write(log.SerializeToString())
    if tf.io.gfile.exists(directory):
        tf.io.gfile.rmtree(directory)
    tf.io.gfile.rename(temporary, directory)


def _warmup_requests(schema: LogSchema):
    """Requests of a few sizes with as many candidates as the model takes, for the signatures in use."""
    plain = request_spec(schema)
    specs = {'serving_default': plain, 'explore': plain | exploration_spec(), 'score_elements': plain}
    for ads in _WARMUP_ADS:
        for signature, inputs in specs.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = signature
            for name, spec in inputs.items():
                value = _warmup_tensor(name, spec, ads, schema.max_candidates)
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            yield prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


def _warmup_tensor(name: str, spec: tf.TensorSpec, ads: int, candidates: int) -> tf.Tensor:
    if spec.dtype != tf.string or name == SEED:
        return tf.fill([ads], tf.constant(1 if name == TEMPERATURE else 0, spec.dtype))
    shape = [ads, candidates] if spec.shape.rank == 2 else [ads]
    numbers = tf.range(tf.reduce_prod(shape))
    return tf.reshape(tf.strings.join([f'{name}-', tf.strings.as_string(numbers)]), shape)
