"""Converts JSON values to numpy arrays and back (TensorFlow Serving's util/json_tensor.cc)."""

import base64
import binascii
from typing import Any

import numpy as np

_B64 = 'b64'
_BOOL, _OBJECT = 'b', 'O'  # kinds of numpy types


def to_array(value: Any, dtype: np.dtype) -> np.ndarray:
    """Converts a number, string or boolean, or evenly nested lists of them, to an array.

    Args:
        value: The value as `json.loads` returns it; bytes are written {"b64": "..."}.
        dtype: The type of the array; object stands for bytes.

    Raises:
        ValueError: The lists are ragged, or a value does not fit the type.
    """
    shape = _shape(value)
    flat: list = []
    _flatten(value, shape, 0, dtype, flat)
    array = np.empty(len(flat), dtype)
    try:
        array[:] = flat
    except OverflowError as error:
        raise ValueError(f'JSON Value is out of the range of {dtype}') from error
    return array.reshape(shape)


def to_json(array: np.ndarray, as_bytes: bool = False) -> Any:
    """Converts an array to nested lists.

    Args:
        array: An array of numbers, booleans or bytes.
        as_bytes: Whether all bytes are written as {"b64": "..."}, and not only those that are not UTF-8.
    """
    if array.dtype != object:
        return array.tolist()
    texts = np.empty(array.size, object)
    texts[:] = [_text(value, as_bytes) for value in array.ravel()]
    return texts.reshape(array.shape).tolist()


def is_bytes(value: Any) -> bool:
    """Whether a JSON value stands for bytes."""
    return isinstance(value, dict) and list(value) == [_B64]


def _shape(value: Any) -> list[int]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _flatten(value: Any, shape: list[int], level: int, dtype: np.dtype, flat: list) -> None:
    if level == len(shape):
        flat.append(_scalar(value, dtype))
        return
    if not isinstance(value, list):
        raise ValueError(f'JSON Value: {value!r} is not a list of size {shape[level]} at level {level}')
    if len(value) != shape[level]:
        raise ValueError(
            f'Encountered list at unexpected size: {len(value)} at level: {level} '
            f'expected size: {shape[level]}'
        )
    for item in value:
        _flatten(item, shape, level + 1, dtype, flat)


def _scalar(value: Any, dtype: np.dtype) -> Any:
    if dtype.kind == _OBJECT:
        if isinstance(value, str):
            return value.encode('utf-8', 'surrogatepass')
        if is_bytes(value):
            return _decoded(value[_B64])
    elif dtype.kind == _BOOL:
        if isinstance(value, bool):
            return value
    elif not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, float) and dtype.kind == 'f')
    ):
        return value
    name = 'string' if dtype.kind == _OBJECT else dtype
    raise ValueError(f'JSON Value: {value!r} is not of expected type: {name}')


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise ValueError(f'JSON Value: {text!r} is not base64') from error


def _text(value: bytes, as_bytes: bool) -> Any:
    if not as_bytes:
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    return {_B64: base64.b64encode(value).decode()}
