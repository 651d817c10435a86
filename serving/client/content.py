"""What a request says about candidates that the served model may not know."""

import hashlib
import struct
from collections.abc import Sequence

import numpy as np

from creative_logs.errors import InputError
from serving.client.contract import ContentInputs
from serving.client.values import strings, utf8


class ElementContent:
    """The content of one element: what it says and shows.

    It is checked and encoded once, here, so requests should share it.

    Args:
        text: The text that the element shows; '' if it has none.
        attributes: What is known of it, such as `colour=red`; the order does not matter.
        vector: An embedding of it, D finite numbers; None, or zeros alone, if it has none.

    Attributes:
        text: The text in UTF-8.
        attributes: The attributes in UTF-8, in ascending order, joined by line breaks.
        vector: The vector, float32 [D], or None. It must not be changed.

    Raises:
        InputError: A string is not UTF-8, an attribute is empty or has a line break, or the vector is not a
            list of finite numbers.

    Example:
        new = {'t9': ElementContent('Buy now', ['tone=urgent'], encoder('Buy now'))}
        SelectRequest(context, {'title': ['t1', 't9']}, content={'title': new})
    """

    __slots__ = ('_references', 'attributes', 'text', 'vector')

    def __init__(
        self,
        text: str | bytes = '',
        attributes: Sequence[str | bytes] = (),
        vector: Sequence[float] | np.ndarray | None = None,
    ):
        self.text = utf8('text', text)
        self.attributes = _joined(attributes)
        self.vector = None if vector is None else _checked(vector)
        self._references: dict[tuple[bool, bool, bool], int] = {}

    def reference(self, takes: ContentInputs) -> int:
        """A hash, 1 to 2^62 - 1, of what a model takes of the content; 0 if that is nothing."""
        parts = takes.text, takes.attributes, takes.vector > 0
        found = self._references.get(parts)
        if found is None:
            found = self._references[parts] = self._reference(*parts)
        return found

    def _reference(self, with_text: bool, with_attributes: bool, with_vector: bool) -> int:
        text = self.text if with_text else b''
        attributes = self.attributes if with_attributes else b''
        vector = b''
        if with_vector and self.vector is not None:
            vector = (self.vector + np.float32(0)).astype('<f4').tobytes()  # adding 0 turns -0 into 0
        if not (text or attributes or vector):
            return 0
        lengths = struct.pack('<2q', len(text), len(attributes))
        digest = hashlib.blake2b(lengths + text + attributes + vector, digest_size=8).digest()
        return int.from_bytes(digest, 'little') >> 2 or 1


def _joined(attributes: Sequence[str | bytes]) -> bytes:
    found = sorted(strings('attributes', attributes))
    for attribute in found:
        if not attribute or b'\n' in attribute:
            rule = 'must not be empty' if not attribute else 'must not have a line break'
            raise InputError(f'attributes: an attribute {rule}, got {attribute.decode()!r}')
    return b'\n'.join(found)


def _checked(values: Sequence[float] | np.ndarray) -> np.ndarray | None:
    try:
        given = np.asarray(values)
    except ValueError as error:  # lists within lists
        raise InputError(f'vector: must be a list of numbers, got {_short(values)}') from error
    if given.ndim != 1 or not given.size or given.dtype.kind not in 'fiu':
        raise InputError(f'vector: must be a list of numbers, got {_short(values)}')
    with np.errstate(over='ignore'):
        vector = given.astype(np.float32)
    finite = np.isfinite(vector)
    if not finite.all():
        place = int(finite.argmin())
        raise InputError(
            f'vector: must hold finite numbers that fit float32, got {given[place]} at place {place}'
        )
    vector.flags.writeable = False
    return vector if vector.any() else None


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'
