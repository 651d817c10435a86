"""Checks of the values in a request."""

import math
from collections.abc import Sequence

import numpy as np

from creative_logs.errors import InputError

_INT64 = range(-(1 << 63), 1 << 63)


def strings(what: str, values) -> list[bytes]:
    """The values of a list of strings in UTF-8; raises InputError, which begins with `what`."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise InputError(f'{what}: must be a list of strings, got {values!r}')
    return [utf8(what, value) for value in values]


def utf8(what: str, value) -> bytes:
    """A string in UTF-8; raises InputError, which begins with `what`."""
    try:
        if isinstance(value, str):
            return value.encode('utf-8')
        if isinstance(value, bytes):
            return value.decode('utf-8').encode('utf-8')
    except UnicodeError as error:
        raise InputError(f'{what}: must be UTF-8, got {value!r}') from error
    raise InputError(f'{what}: must be a string, got {value!r}')


def integer(what: str, value) -> int:
    """A 64-bit integer; raises InputError, which begins with `what`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value not in _INT64:
        raise InputError(f'{what}: must be a 64-bit integer, got {value!r}')
    return int(value)


def number(what: str, value) -> float:
    """A finite number; raises InputError, which begins with `what`."""
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value):
        raise InputError(f'{what}: must be a finite number, got {value!r}')
    return float(value)
