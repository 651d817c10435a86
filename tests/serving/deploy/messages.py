"""Messages of TensorFlow Serving's configuration that no Python package has, for parsing their text form.

Fields as in session_bundle_config.proto and monitoring_config.proto; their numbers do not matter to it.
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

_PACKAGE = 'genco.test'
_VALUES = {'int': 'Int64Value', 'bool': 'BoolValue', 'string': 'StringValue'}
# '.int' and the like are wrappers: `name { value: 1 }`.
_MESSAGES = {
    'BatchingParameters': {
        'max_batch_size': '.int',
        'batch_timeout_micros': '.int',
        'max_enqueued_batches': '.int',
        'num_batch_threads': '.int',
        'thread_pool_name': '.string',
        'allowed_batch_sizes': '*int',
        'pad_variable_length_inputs': 'bool',
        'enable_large_batch_splitting': '.bool',
        'max_execution_batch_size': '.int',
    },
    'PrometheusConfig': {'enable': 'bool', 'path': 'string'},
    'MonitoringConfig': {'prometheus_config': 'PrometheusConfig'},
}
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {'int': _Field.TYPE_INT64, 'bool': _Field.TYPE_BOOL, 'string': _Field.TYPE_STRING}


def message_class(name: str) -> type:
    """The class of a message by its name."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f'{_PACKAGE}.{name}'))


def _pool() -> descriptor_pool.DescriptorPool:
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    file = descriptor_pb2.FileDescriptorProto(name='deploy.proto', package=_PACKAGE, syntax='proto3')
    file.dependency.append(wrappers.name)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), 1):
            _add(message.field.add(name=field, number=number), kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(wrappers)
    pool.Add(file)
    return pool


def _add(field: _Field, kind: str) -> None:
    field.label = _Field.LABEL_REPEATED if kind[0] == '*' else _Field.LABEL_OPTIONAL
    if kind.lstrip('*') in _SCALARS:
        field.type = _SCALARS[kind.lstrip('*')]
        return
    field.type = _Field.TYPE_MESSAGE
    wrapper = kind[0] == '.'
    field.type_name = f'.google.protobuf.{_VALUES[kind[1:]]}' if wrapper else f'.{_PACKAGE}.{kind}'


_POOL = _pool()
