"""What turns texts or pictures into vectors, and how an encoder is found by its name."""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, runtime_checkable

import numpy as np

from creative_logs.errors import InputError

SENTENCES = 'creative_logs.embedding.sentence_encoder:SentenceEncoder'
_LONGEST_VALUE = 60


@runtime_checkable
class Encoder(Protocol):
    """Turns strings into vectors of one dimension.

    Attributes:
        name: Identifies the vectors: two encoders with the same name must make the same vectors.
        dimensions: D, the length of a vector.
    """

    name: str
    dimensions: int

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Returns one vector per string, float32 [T, D].

        Args:
            texts: T strings: texts of elements, or the addresses of their pictures.
        """


def find_encoder(path: str, threads: int | None = None) -> Encoder:
    """Imports an encoder by the path of a Python object.

    Args:
        path: `module:attribute`. The attribute is an encoder, or a class or function that returns one.
        threads: The number of threads, passed on to a class or function as `threads`. If None, it is called
            without arguments.

    Raises:
        InputError: The object cannot be imported or made, or it is no encoder.
    """
    module, _, attribute = path.partition(':')
    if not module or not attribute:
        raise InputError(f'encoder {path!r}: must look like module:attribute, as in my_package.encoders:clip')
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:  # A module of the user can raise anything.
        raise InputError(f'encoder {path!r}: cannot be imported: {_describe(error)}') from error
    if isinstance(found, type) or not isinstance(found, Encoder):
        found = _make(path, found, threads)
    elif threads is not None:
        raise InputError(f'encoder {path!r}: is an object, for which no number of threads can be set')
    return _check(path, found)


def encode(encoder: Encoder, texts: Sequence[str]) -> np.ndarray:
    """Calls an encoder and checks what it returns.

    Args:
        encoder: The encoder.
        texts: T strings.

    Returns:
        The vectors, float32 [T, D].

    Raises:
        InputError: The encoder fails, or its result has another shape or holds a number that is not finite.
    """
    try:
        vectors = np.asarray(encoder.encode(texts), np.float32)
    except Exception as error:  # An encoder of the user can raise anything.
        raise InputError(
            f'encoder {encoder.name}: failed on {len(texts)} values, of which the first is '
            f'{_short(texts[0])}: {_describe(error)}'
        ) from error
    wanted = (len(texts), encoder.dimensions)
    if vectors.shape != wanted:
        raise InputError(
            f'encoder {encoder.name}: must return {list(wanted)} numbers for {len(texts)} values, '
            f'got {list(vectors.shape)}'
        )
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        value = _short(texts[int(np.argmin(finite))])
        raise InputError(f'encoder {encoder.name}: must return finite numbers, got others for {value}')
    return vectors


def _make(path: str, factory, threads: int | None):
    if not callable(factory):
        raise InputError(f'encoder {path!r}: must have name, dimensions and encode, or return what has them')
    try:
        return factory() if threads is None else factory(threads=threads)
    except Exception as error:  # A class or function of the user can raise anything.
        raise InputError(f'encoder {path!r}: cannot be made: {_describe(error)}') from error


def _check(path: str, encoder) -> Encoder:
    if not isinstance(encoder, Encoder):
        raise InputError(f'encoder {path!r}: must have name, dimensions and encode: {encoder!r} lacks one')
    if not isinstance(encoder.name, str) or not encoder.name:
        raise InputError(f'encoder {path!r}: name must be a string other than "", got {encoder.name!r}')
    if not isinstance(encoder.dimensions, int) or encoder.dimensions < 1:
        raise InputError(
            f'encoder {path!r}: dimensions must be a whole number above 0, got {encoder.dimensions!r}'
        )
    return encoder


def _describe(error: Exception) -> str:
    return f'{type(error).__name__}: {" ".join(str(error).split())}'


def _short(value: str) -> str:
    return repr(value) if len(value) <= _LONGEST_VALUE else f'{value[:_LONGEST_VALUE]!r}...'
