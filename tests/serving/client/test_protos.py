import subprocess
import sys

import pytest
import tensorflow as tf
from google.protobuf import any_pb2, wrappers_pb2
from google.protobuf.descriptor import FieldDescriptor
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    status_pb2,
)

from serving.client import protos

OFFICIAL = {
    'Any': any_pb2.Any,
    'Int64Value': wrappers_pb2.Int64Value,
    'TensorProto': tensor_pb2.TensorProto,
    'TensorShapeProto': tensor_shape_pb2.TensorShapeProto,
    'Dim': tensor_shape_pb2.TensorShapeProto.Dim,
    'ModelSpec': model_pb2.ModelSpec,
    'PredictRequest': predict_pb2.PredictRequest,
    'PredictResponse': predict_pb2.PredictResponse,
    'TensorInfo': meta_graph_pb2.TensorInfo,
    'SignatureDef': meta_graph_pb2.SignatureDef,
    'SignatureDefMap': get_model_metadata_pb2.SignatureDefMap,
    'GetModelMetadataRequest': get_model_metadata_pb2.GetModelMetadataRequest,
    'GetModelMetadataResponse': get_model_metadata_pb2.GetModelMetadataResponse,
    'StatusProto': status_pb2.StatusProto,
    'ModelVersionStatus': get_model_status_pb2.ModelVersionStatus,
    'GetModelStatusRequest': get_model_status_pb2.GetModelStatusRequest,
    'GetModelStatusResponse': get_model_status_pb2.GetModelStatusResponse,
}
CLIENT = """
import sys
{before}
from serving.client import CreativeClient
from serving.client.protos import PredictRequest
message = PredictRequest()
message.inputs['x'].float_val.append(1.5)
assert CreativeClient('localhost:1')
{after}
print('tensorflow.python' in sys.modules, message.SerializeToString().hex())
"""


@pytest.mark.parametrize('name', protos._MESSAGES)
def test_same_on_the_wire_as_the_official_message(name):
    ours = protos._CLASSES[name].DESCRIPTOR.fields
    official = OFFICIAL[name].DESCRIPTOR.fields_by_name
    assert {f.name: _on_the_wire(f) for f in ours} == {f.name: _on_the_wire(official[f.name]) for f in ours}


def test_official_message_reads_ours():
    ours = protos.PredictRequest()
    ours.model_spec.name, ours.model_spec.version.value = 'genco', 3
    ours.inputs['x'].dtype = tf.float32.as_datatype_enum
    ours.inputs['x'].float_val.extend([1.5, 2.5])
    official = predict_pb2.PredictRequest.FromString(ours.SerializeToString())
    assert official.model_spec.version.value == 3
    assert list(official.inputs['x'].float_val) == [1.5, 2.5]
    assert protos.PredictRequest.FromString(official.SerializeToString()) == ours


@pytest.mark.parametrize(
    'before, after, imported',
    [
        ('', '', False),
        ('import tensorflow_serving.apis.predict_pb2', '', True),
        ('', 'import tensorflow_serving.apis.predict_pb2', True),
    ],
    ids=['without TensorFlow', 'TensorFlow first', 'TensorFlow later'],
)
def test_client_beside_tensorflow(before, after, imported):
    code = CLIENT.format(before=before, after=after)
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    message = predict_pb2.PredictRequest()
    message.inputs['x'].float_val.append(1.5)
    assert done.stdout.split() == [str(imported), message.SerializeToString().hex()]


@pytest.mark.parametrize(
    'module', ['serving.client.client', 'serving.decisions.log', 'serving.decisions.join']
)
def test_tensorflow_is_not_imported(module):
    code = f'import sys, {module}; print(sorted({{"tensorflow", "tensorflow_serving"}} & set(sys.modules)))'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout == '[]\n'


def _on_the_wire(field):
    kind = 'varint' if field.type in (FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_INT32) else field.type
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        kind = [_on_the_wire(entry) for entry in field.message_type.fields]
    elif field.message_type is not None:
        kind = field.message_type.name
    packed = field.is_repeated and field.is_packed
    return field.number, field.is_repeated, packed, kind
