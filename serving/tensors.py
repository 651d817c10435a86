"""Reads and writes `TensorProto` messages as numpy arrays, without TensorFlow.

Works on any message class with the fields of `tensorflow.TensorProto`. Strings are object arrays of bytes.
"""

import math

import numpy as np

DT_FLOAT, DT_INT64, DT_STRING = 1, 9, 7
# Type number: (numpy type, field of the typed values, name).
_TYPES = {
    DT_FLOAT: (np.dtype(np.float32), 'float_val', 'float'),
    2: (np.dtype(np.float64), 'double_val', 'double'),
    3: (np.dtype(np.int32), 'int_val', 'int32'),
    4: (np.dtype(np.uint8), 'int_val', 'uint8'),
    5: (np.dtype(np.int16), 'int_val', 'int16'),
    6: (np.dtype(np.int8), 'int_val', 'int8'),
    DT_STRING: (np.dtype(object), 'string_val', 'string'),
    DT_INT64: (np.dtype(np.int64), 'int64_val', 'int64'),
    10: (np.dtype(np.bool_), 'bool_val', 'bool'),
    17: (np.dtype(np.uint16), 'int_val', 'uint16'),
    19: (np.dtype(np.float16), 'half_val', 'half'),
    22: (np.dtype(np.uint32), 'uint32_val', 'uint32'),
    23: (np.dtype(np.uint64), 'uint64_val', 'uint64'),
}
_NUMBERS = {numpy_type: number for number, (numpy_type, _, _) in _TYPES.items()}
# Short messages may stand for large tensors (one value, repeated); this bounds what they can claim.
_MAX_ELEMENTS = 1 << 26
# TensorFlow reads string arrays with an iterator of numpy that crashes the process beyond this.
_MAX_RANK = 32


def encode(array: np.ndarray, proto, packed: bool) -> None:
    """Fills an empty `TensorProto`.

    Args:
        array: numbers of any type in the table above, or objects that are all bytes.
        proto: the message.
        packed: numbers as raw bytes, which is many times faster to read, instead of typed values, which
            clients that read `float_val` themselves rely on.
    """
    proto.dtype = _NUMBERS[array.dtype]
    for size in array.shape:
        proto.tensor_shape.dim.add().size = size
    if array.dtype == object:
        proto.string_val.extend(array.ravel().tolist())
    elif packed:
        proto.tensor_content = np.ascontiguousarray(array).tobytes()
    else:
        values = array.view(np.uint16) if array.dtype == np.float16 else array
        getattr(proto, _TYPES[proto.dtype][1]).extend(values.ravel().tolist())


def decode(proto) -> np.ndarray:
    """The array of a `TensorProto`; a last typed value stands for all that follow, as in TensorFlow.

    Raises:
        ValueError: the type is not supported, or shape and values do not fit together.
    """
    if proto.dtype not in _TYPES:
        raise ValueError(f'type {proto.dtype} is not supported')
    numpy_type, field, _ = _TYPES[proto.dtype]
    form = proto.tensor_shape
    shape = [dim.size for dim in form.dim]
    if len(shape) > _MAX_RANK:
        raise ValueError(f'rank {len(shape)} is more than {_MAX_RANK}')
    count = math.prod(shape)
    if form.unknown_rank or min(shape, default=0) < 0 or count > _MAX_ELEMENTS:
        raise ValueError(f'shape {shape} is unknown or too large')
    if proto.tensor_content:
        if numpy_type == object:
            raise ValueError('strings must be given as string_val')
        return np.frombuffer(proto.tensor_content, numpy_type).reshape(shape)
    return _typed_values(getattr(proto, field), numpy_type, count).reshape(shape)


def type_name(number: int) -> str:
    """Name of a type number, as TensorFlow's messages print it."""
    return _TYPES[number][2] if number in _TYPES else f'type {number}'


def _typed_values(values, numpy_type: np.dtype, count: int) -> np.ndarray:
    given = list(values[:count])
    # Halves are given as the numbers of their bits.
    array = np.empty(count, np.uint16 if numpy_type == np.float16 else numpy_type)
    array[: len(given)] = given
    if len(given) < count:
        array[len(given) :] = given[-1] if given else (b'' if numpy_type == object else 0)
    return array.view(np.float16) if numpy_type == np.float16 else array
