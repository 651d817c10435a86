"""Reads and writes `TensorProto` messages as numpy arrays, without TensorFlow.

Works on any message class with the fields of `tensorflow.TensorProto`. Strings are object arrays of bytes.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

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
# Small numbers are given as larger ones, halves by their bits; what does not fit is cut off.
_GIVEN_AS = {dtype: np.int32 for dtype, field, _ in _TYPES.values() if field in ('int_val', 'half_val')}
_NUMBERS = {numpy_type: number for number, (numpy_type, _, _) in _TYPES.items()}
# Short messages may stand for large tensors (one value, repeated); this bounds what they can claim.
_MAX_ELEMENTS = 1 << 26
# TensorFlow reads string arrays with an iterator of numpy that crashes the process beyond this.
_MAX_RANK = 32
_MAX_REMEMBERED_BYTES = 64


def encode(array: np.ndarray, proto, packed: bool) -> None:
    """Fills an empty `TensorProto`.

    Args:
        array: numbers of any type in the table above, or objects that are all bytes.
        proto: the message.
        packed: numbers as raw bytes, which is many times faster to read, instead of typed values, which
            clients that read `float_val` themselves rely on.
    """
    proto.CopyFrom(_header(type(proto), array.dtype, array.shape))
    if array.dtype == object:
        proto.string_val.extend(array.ravel().tolist())
    elif packed:
        proto.tensor_content = np.ascontiguousarray(array).tobytes()
    else:
        values = array.view(np.uint16) if array.dtype == np.float16 else array
        getattr(proto, _TYPES[proto.dtype][1]).extend(values.ravel().tolist())


@dataclass(slots=True, eq=False)
class TensorMessage:
    """A `TensorProto` that was found to be in order. It stands for its array, which numpy reads when asked
    for it (`np.asarray`).

    Attributes:
        proto: the message.
        dtype, shape: of the array.
    """

    proto: Any
    dtype: np.dtype
    shape: tuple[int, ...]

    @classmethod
    def of(cls, proto) -> 'TensorMessage':
        """Checks a message.

        Raises:
            ValueError: the type is not supported, or shape and values do not fit together.
        """
        known = _TYPES.get(proto.dtype)
        if known is None:
            raise ValueError(f'type {proto.dtype} is not supported')
        tensor = cls(proto, known[0], _shape(proto.tensor_shape))
        if proto.tensor_content:
            _check_content(proto.tensor_content, tensor)
        return tensor

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def values(self) -> Sequence:
        """The typed values; empty where they are given as raw bytes."""
        return getattr(self.proto, _TYPES[self.proto.dtype][1])

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        if self.proto.tensor_content:
            array = np.frombuffer(self.proto.tensor_content, self.dtype)
        else:
            array = _typed_values(self.values[: self.size], self.dtype, self.size)
        return np.array(array.reshape(self.shape), dtype, copy=copy)


Tensor = TensorMessage | np.ndarray
Tensors = Mapping[str, Tensor]


def decode(proto) -> np.ndarray:
    """The array of a `TensorProto`; a last typed value stands for all that follow, as in TensorFlow.

    Raises:
        ValueError: as `TensorMessage.of`.
    """
    return np.asarray(TensorMessage.of(proto))


def concatenate(tensors: Sequence[Tensor]) -> np.ndarray:
    """One array of tensors, along dimension 0.

    Messages of the usual forms are read together: that takes a fraction of the time of an array for each.

    Args:
        tensors: at least one; of one type, and equal in their other dimensions.
    """
    joined = _joined(tensors) if all(isinstance(tensor, TensorMessage) for tensor in tensors) else None
    if joined is None:
        return np.concatenate([np.asarray(tensor) for tensor in tensors])
    return joined.reshape(sum(tensor.shape[0] for tensor in tensors), *tensors[0].shape[1:])


def type_name(number: int) -> str:
    """Name of a type number, as TensorFlow's messages print it."""
    return _TYPES[number][2] if number in _TYPES else f'type {number}'


@functools.lru_cache(1024)
def _header(kind: type, dtype: np.dtype, shape: tuple[int, ...]):
    """A message without values; a copy takes a quarter of the time of filling one in."""
    proto = kind(dtype=_NUMBERS[dtype])
    for size in shape:
        proto.tensor_shape.dim.add().size = size
    return proto


def _shape(form) -> tuple[int, ...]:
    """The sizes of a `TensorShapeProto`: few differ, and one that is known takes a third of the time."""
    serialized = form.SerializeToString()
    # Sizes may have names, of any length, which must not be kept.
    read = _remembered_shape if len(serialized) <= _MAX_REMEMBERED_BYTES else _read_shape
    return read(type(form), serialized)


def _read_shape(kind: type, serialized: bytes) -> tuple[int, ...]:
    form = kind.FromString(serialized)
    shape = tuple(dim.size for dim in form.dim)
    if len(shape) > _MAX_RANK:
        raise ValueError(f'rank {len(shape)} is more than {_MAX_RANK}')
    # Of a size 0 too: numpy makes no array whose other sizes are too large.
    elements = math.prod(max(size, 1) for size in shape)
    if form.unknown_rank or min(shape, default=0) < 0 or elements > _MAX_ELEMENTS:
        raise ValueError(f'shape {shape} is unknown or too large')
    return shape


_remembered_shape = functools.lru_cache(1024)(_read_shape)


def _check_content(content: bytes, tensor: TensorMessage) -> None:
    if tensor.dtype == object:
        raise ValueError('strings must be given as string_val')
    if len(content) != tensor.size * tensor.dtype.itemsize:
        raise ValueError(f'{len(content)} bytes are not a {tensor.dtype} array of shape {tensor.shape}')


def _joined(tensors: Sequence[TensorMessage]) -> np.ndarray | None:
    """All values in a row, if all are raw bytes, or all are typed and none stands for others."""
    dtype = tensors[0].dtype
    contents = [tensor.proto.tensor_content for tensor in tensors]
    if all(contents):
        return np.frombuffer(b''.join(contents), dtype)
    values = [tensor.values for tensor in tensors]
    if any(len(given) != tensor.size for given, tensor in zip(values, tensors)):
        return None
    given = list(chain.from_iterable(each[:] for each in values))
    return _typed_values(given, dtype, len(given))


def _typed_values(given: list, dtype: np.dtype, count: int) -> np.ndarray:
    array = np.empty(count, _GIVEN_AS.get(dtype, dtype))
    array[: len(given)] = given
    if len(given) < count:
        array[len(given) :] = given[-1] if given else (b'' if dtype == object else 0)
    if dtype == np.float16:
        return array.astype(np.uint16).view(dtype)
    return array.astype(dtype, copy=False)
