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
# Type number: (numpy type, field that holds the typed values, name).
_TYPES: dict[int, tuple[np.dtype, str, str]] = {
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
# Small integers travel as int32 and halves as their bits; bits beyond the type's width are dropped.
_GIVEN_AS = {dtype: np.int32 for dtype, field, _ in _TYPES.values() if field in ('int_val', 'half_val')}
_NUMBERS = {numpy_type: number for number, (numpy_type, _, _) in _TYPES.items()}
# A short message may stand for a large tensor (one value, repeated); this bounds the size it can claim.
_MAX_ELEMENTS = 1 << 26
# TensorFlow reads string arrays with a numpy iterator that crashes the process above this rank.
_MAX_RANK = 32
_MAX_REMEMBERED_BYTES = 64


def encode(array: np.ndarray, proto, packed: bool) -> None:
    """Fills an empty `TensorProto`.

    Args:
        array: The numbers, of any type in `_TYPES`, or an object array of bytes.
        proto: The message to fill.
        packed: Whether numbers are written as raw bytes, which are many times faster to read, instead of
            typed values, on which clients that read `float_val` directly rely.
    """
    proto.CopyFrom(_header(proto.__class__, array.dtype, array.shape))
    if not array.size:
        return
    if array.dtype == object:
        proto.string_val.extend(array.ravel().tolist())
    elif packed:
        proto.tensor_content = np.ascontiguousarray(array).tobytes()
    else:
        values = array.view(np.uint16) if array.dtype == np.float16 else array
        getattr(proto, _TYPES[proto.dtype][1]).extend(values.ravel().tolist())


@dataclass(slots=True, eq=False)
class TensorMessage:
    """A valid `TensorProto` that stands for its array, which `np.asarray` reads on demand.

    Attributes:
        proto: The message.
        dtype: The numpy type of the array.
        shape: The shape of the array.
    """

    proto: Any
    dtype: np.dtype
    shape: tuple[int, ...]

    @classmethod
    def of(cls, proto) -> 'TensorMessage':
        """Checks a message and wraps it.

        Raises:
            ValueError: The type is not supported, or the values do not fill the shape.
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
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def values(self) -> Sequence:
        """The typed values; empty if the message holds raw bytes."""
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
    """Reads the array of a `TensorProto`; the last typed value fills missing elements, as in TensorFlow.

    Raises:
        ValueError: See `TensorMessage.of`.
    """
    return np.asarray(TensorMessage.of(proto))


def concatenate(tensors: Sequence[Tensor]) -> np.ndarray:
    """Concatenates tensors along dimension 0.

    Messages in the usual forms are read together, in a fraction of the time that one array each would take.

    Args:
        tensors: One or more tensors of one type, with equal sizes in the other dimensions.
    """
    messages = [tensor for tensor in tensors if isinstance(tensor, TensorMessage)]
    joined = _joined(messages) if len(messages) == len(tensors) else None
    if joined is None:
        return np.concatenate([np.asarray(tensor) for tensor in tensors])
    return joined.reshape(sum(tensor.shape[0] for tensor in tensors), *tensors[0].shape[1:])


def type_name(number: int) -> str:
    """The name of a type number, as TensorFlow prints it."""
    return _TYPES[number][2] if number in _TYPES else f'type {number}'


@functools.lru_cache(1024)
def _header(kind: Any, dtype: np.dtype, shape: tuple[int, ...]):
    """A message without values; copying it takes a quarter of the time of filling in a new one."""
    proto = kind(dtype=_NUMBERS[dtype])
    for size in shape:
        proto.tensor_shape.dim.add().size = size
    return proto


def _shape(form) -> tuple[int, ...]:
    """The sizes of a `TensorShapeProto`, from a cache: a known shape takes a third of the time to read."""
    serialized = form.SerializeToString()
    # Dimensions may have names of any length; the cache must not keep long ones.
    read = _remembered_shape if len(serialized) <= _MAX_REMEMBERED_BYTES else _read_shape
    return read(form.__class__, serialized)


def _read_shape(kind: Any, serialized: bytes) -> tuple[int, ...]:
    form = kind.FromString(serialized)
    shape = tuple(dim.size for dim in form.dim)
    if len(shape) > _MAX_RANK:
        raise ValueError(f'rank {len(shape)} is above the limit of {_MAX_RANK}')
    # A size of 0 counts as 1 here: numpy refuses an empty array whose other sizes are too large.
    elements = math.prod(max(size, 1) for size in shape)
    if form.unknown_rank or min(shape, default=0) < 0 or elements > _MAX_ELEMENTS:
        raise ValueError(f'shape {shape} is unknown or too large')
    return shape


_remembered_shape = functools.lru_cache(1024)(_read_shape)


def _check_content(content: bytes, tensor: TensorMessage) -> None:
    if tensor.dtype == object:
        raise ValueError('strings must be in string_val, not in tensor_content')
    if len(content) != tensor.size * tensor.dtype.itemsize:
        raise ValueError(f'{len(content)} bytes are not a {tensor.dtype} array of shape {tensor.shape}')


def _joined(tensors: Sequence[TensorMessage]) -> np.ndarray | None:
    """All values as one flat array; None unless all are raw bytes, or all are typed and complete."""
    dtype = tensors[0].dtype
    contents = [tensor.proto.tensor_content for tensor in tensors]
    if all(contents):
        return np.frombuffer(b''.join(contents), dtype)
    values = [tensor.values for tensor in tensors]
    if any(len(given) != tensor.size for given, tensor in zip(values, tensors)):
        return None
    given = list(chain.from_iterable(each[:] for each in values))
    return _typed_values(given, dtype, len(given))


def _typed_values(given: Sequence, dtype: np.dtype, count: int) -> np.ndarray:
    array = np.empty(count, _GIVEN_AS.get(dtype, dtype))
    array[: len(given)] = given
    if len(given) < count:
        array[len(given) :] = given[-1] if given else (b'' if dtype.hasobject else 0)
    if dtype == np.float16:
        return array.astype(np.uint16).view(dtype)
    return array.astype(dtype, copy=False)
