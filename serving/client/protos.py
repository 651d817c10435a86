"""Messages of the TensorFlow Serving API that the client needs, without TensorFlow.

The official message classes import all of TensorFlow, which costs seconds and a gigabyte. These are built
from the table below in a separate descriptor pool, so they do not clash with the official classes in the same
process. Field numbers and types are those of the API, so both are the same on the wire. Enums are read as
integers, and fields that the client does not use are left out.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = 'genco.serving'
# Message: {field: (number, type)}; '*' marks a repeated field, 'map:' a map from strings to messages.
_MESSAGES = {
    'Dim': {'size': (1, 'int64')},
    'TensorShapeProto': {'dim': (2, '*Dim'), 'unknown_rank': (3, 'bool')},
    'TensorProto': {
        'dtype': (1, 'int32'),
        'tensor_shape': (2, 'TensorShapeProto'),
        'tensor_content': (4, 'bytes'),
        'float_val': (5, '*float'),
        'double_val': (6, '*double'),
        'int_val': (7, '*int32'),
        'string_val': (8, '*bytes'),
        'int64_val': (10, '*int64'),
        'bool_val': (11, '*bool'),
        'half_val': (13, '*int32'),
        'uint32_val': (16, '*uint32'),
        'uint64_val': (17, '*uint64'),
    },
    'Int64Value': {'value': (1, 'int64')},
    'ModelSpec': {
        'name': (1, 'string'),
        'version': (2, 'Int64Value'),
        'signature_name': (3, 'string'),
        'version_label': (4, 'string'),
    },
    'PredictRequest': {'model_spec': (1, 'ModelSpec'), 'inputs': (2, 'map:TensorProto')},
    'PredictResponse': {'outputs': (1, 'map:TensorProto'), 'model_spec': (2, 'ModelSpec')},
    'TensorInfo': {'dtype': (2, 'int32'), 'tensor_shape': (3, 'TensorShapeProto')},
    'SignatureDef': {'inputs': (1, 'map:TensorInfo'), 'outputs': (2, 'map:TensorInfo')},
    'SignatureDefMap': {'signature_def': (1, 'map:SignatureDef')},
    'Any': {'type_url': (1, 'string'), 'value': (2, 'bytes')},
    'GetModelMetadataRequest': {'model_spec': (1, 'ModelSpec'), 'metadata_field': (2, '*string')},
    'GetModelMetadataResponse': {'model_spec': (1, 'ModelSpec'), 'metadata': (2, 'map:Any')},
    'StatusProto': {'error_code': (1, 'int32'), 'error_message': (2, 'string')},
    'ModelVersionStatus': {'version': (1, 'int64'), 'state': (2, 'int32'), 'status': (3, 'StatusProto')},
    'GetModelStatusRequest': {'model_spec': (1, 'ModelSpec')},
    'GetModelStatusResponse': {'model_version_status': (1, '*ModelVersionStatus')},
}
_Field = descriptor_pb2.FieldDescriptorProto


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name='genco/serving.proto', package=_PACKAGE, syntax='proto3')
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    types = {name: pool.FindMessageTypeByName(f'{_PACKAGE}.{name}') for name in _MESSAGES}
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in types.items()}


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    repeated = kind.startswith(('*', 'map:'))
    label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label)
    if kind.startswith('map:'):
        entry = message.nested_type.add(name=f'{name.title().replace("_", "")}Entry')
        entry.options.map_entry = True
        _add_field(entry, 'key', 1, 'string')
        _add_field(entry, 'value', 2, kind.removeprefix('map:'))
        _set_message_type(field, f'{message.name}.{entry.name}')
    elif kind.lstrip('*') in _MESSAGES:
        _set_message_type(field, kind.lstrip('*'))
    else:
        field.type = getattr(_Field, f'TYPE_{kind.lstrip("*").upper()}')


def _set_message_type(field: descriptor_pb2.FieldDescriptorProto, name: str) -> None:
    field.type = _Field.TYPE_MESSAGE
    field.type_name = f'.{_PACKAGE}.{name}'


_CLASSES = _build()
PredictRequest = _CLASSES['PredictRequest']
PredictResponse = _CLASSES['PredictResponse']
SignatureDefMap = _CLASSES['SignatureDefMap']
GetModelMetadataRequest = _CLASSES['GetModelMetadataRequest']
GetModelMetadataResponse = _CLASSES['GetModelMetadataResponse']
GetModelStatusRequest = _CLASSES['GetModelStatusRequest']
GetModelStatusResponse = _CLASSES['GetModelStatusResponse']
