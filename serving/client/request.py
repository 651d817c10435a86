"""Requests for a choice of creatives, checked and turned into the tensors of the serving contract."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from creative_logs.errors import InputError
from serving.client.contract import EPSILON, SEED, TEMPERATURE, Contract, candidates_of, texts_of
from serving.tensor_protos import DT_FLOAT, DT_INT64

Value = str | bytes | int | float | Sequence[str | bytes]
_LIST_WIDTH = 32
_INT64 = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True)
class SelectRequest:
    """A request for the elements to show in one ad.

    Attributes:
        context: The value of every context feature that the model takes, by name.
        candidates: The ids of the candidate elements by component. A component that is left out or has no
            candidate is absent from the ad. Ids that the model has never seen are allowed.
        texts: One text per candidate, by component, for the components whose texts the model takes.
        seed: The seed of the random choices; equal seeds give equal answers, and None draws a seed.
    """

    context: Mapping[str, Value]
    candidates: Mapping[str, Sequence[str | bytes]]
    texts: Mapping[str, Sequence[str | bytes]] = field(default_factory=dict)
    seed: int | None = None


@dataclass(frozen=True)
class Exploration:
    """How much the choices of a call are randomized.

    Attributes:
        temperature: The temperature of the generator's softmax, above 0, in place of the exported one; a
            higher temperature makes the probabilities more even.
        epsilon: The probability, in [0, 1], that an ad gets a combination drawn uniformly at random.

    Raises:
        InputError: A value is out of its range.
    """

    temperature: float
    epsilon: float

    def __post_init__(self):
        if _number(TEMPERATURE, self.temperature) <= 0:
            raise InputError(f'{TEMPERATURE}: must be above 0, got {self.temperature!r}')
        if not 0 <= _number(EPSILON, self.epsilon) <= 1:
            raise InputError(f'{EPSILON}: must be in [0, 1], got {self.epsilon!r}')

    def encode(self, ads: int) -> dict[str, np.ndarray]:
        """The temperature and epsilon inputs of B ads, float32 [B] each."""
        values = {TEMPERATURE: self.temperature, EPSILON: self.epsilon}
        return {name: np.full(ads, value, np.float32) for name, value in values.items()}


def encode_requests(
    requests: Sequence[SelectRequest], seeds: Sequence[int], contract: Contract
) -> dict[str, np.ndarray]:
    """Encodes B requests as the inputs of `serving_default`.

    Args:
        requests: The requests [B].
        seeds: The seed of each request [B].
        contract: The inputs of the model.

    Returns:
        The array of each input: [B], or for lists [B, n] padded with empty strings. n is N for candidates and
        texts and 32 for features, or a multiple of these if a list is longer.

    Raises:
        InputError: A request does not fit the contract; the message names the place of the request, the
            field, the rule and the value.
    """
    rows = []
    for place, (request, seed) in enumerate(zip(requests, seeds)):
        try:
            rows.append(_encode_request(request, seed, contract))
        except InputError as error:
            where = f'request {place}: ' if len(requests) > 1 else ''
            raise InputError(f'{where}{error}') from error
    return {name: _column([row[name] for row in rows], _width(name, contract)) for name in rows[0]}


def _encode_request(request: SelectRequest, seed: int, contract: Contract) -> dict:
    _check_names('context feature', request.context, contract.context, 'takes')
    row: dict[str, Any] = {SEED: np.int64(_integer('seed', seed))}
    for name, (dtype, rank) in contract.context.items():
        if name not in request.context:
            raise InputError(
                f'context feature {name!r} is missing; the model takes {_listed(contract.context)}'
            )
        row[name] = _context_value(f'context feature {name!r}', request.context[name], dtype, rank)
    _check_names('component', request.candidates, contract.components, 'knows')
    _check_names('texts of component', request.texts, contract.with_text, 'takes texts of')
    for name in contract.components:
        ids = _ids(name, request.candidates.get(name, ()))
        row[candidates_of(name)] = ids
        if name in contract.with_text:
            row[texts_of(name)] = _texts(name, request.texts.get(name, ()), len(ids))
    if not any(row[candidates_of(name)] for name in contract.components):
        raise InputError(
            f'no component has a candidate; give candidates for one or more of {_listed(contract.components)}'
        )
    return row


def _check_names(what: str, given: Mapping, known: Iterable[str], verb: str) -> None:
    if not isinstance(given, Mapping):
        raise InputError(f'{what}: must be a mapping of names to values, got {given!r}')
    for name in given:
        if name not in known:
            raise InputError(f'{what} {name!r} is unknown; the model {verb} {_listed(known)}')


def _context_value(what: str, value: Value, dtype: int, rank: int):
    if rank == 2:
        return _strings(what, value)
    if dtype == DT_INT64:
        return np.int64(_integer(what, value))
    if dtype == DT_FLOAT:
        return np.float32(_number(what, value))
    return _utf8(what, value)


def _ids(component: str, values: Sequence[str | bytes]) -> list[bytes]:
    what = f'candidates of component {component!r}'
    ids = _strings(what, values)
    if b'' in ids:
        raise InputError(f'{what}: an id must not be empty, got {values!r}')
    repeated = sorted({value.decode() for value in ids if ids.count(value) > 1})
    if repeated:
        raise InputError(f'{what}: an id must not be repeated, got {repeated[0]!r} more than once')
    return ids


def _texts(component: str, values: Sequence[str | bytes], candidates: int) -> list[bytes]:
    what = f'texts of component {component!r}'
    texts = _strings(what, values)
    if len(texts) != candidates:
        raise InputError(
            f'{what}: there must be one text per candidate, got {len(texts)} texts for '
            f'{candidates} candidates'
        )
    return texts


def _strings(what: str, values) -> list[bytes]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise InputError(f'{what}: must be a list of strings, got {values!r}')
    return [_utf8(what, value) for value in values]


def _utf8(what: str, value) -> bytes:
    try:
        if isinstance(value, str):
            return value.encode('utf-8')
        if isinstance(value, bytes):
            return value.decode('utf-8').encode('utf-8')
    except UnicodeError as error:
        raise InputError(f'{what}: must be UTF-8, got {value!r}') from error
    raise InputError(f'{what}: must be a string, got {value!r}')


def _integer(what: str, value) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value not in _INT64:
        raise InputError(f'{what}: must be a 64-bit integer, got {value!r}')
    return int(value)


def _number(what: str, value) -> float:
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        raise InputError(f'{what}: must be a finite number, got {value!r}')
    return float(value)


def _width(name: str, contract: Contract) -> int:
    """The width to a multiple of which lists are padded, so that requests have lists of equal length.

    Otherwise a server that merges requests would pad the shorter lists. TensorFlow Serving pads with the
    first value of the tensor, which would add a candidate.
    """
    return _LIST_WIDTH if name in contract.context else contract.max_candidates or 1


def _column(values: list, width: int) -> np.ndarray:
    if isinstance(values[0], bytes):
        return np.array(values, object)
    if not isinstance(values[0], list):
        return np.array(values)
    longest = max(1, *map(len, values))
    padded = np.full((len(values), -(-longest // width) * width), b'', object)
    for row, items in zip(padded, values):
        row[: len(items)] = items
    return padded


def _listed(names: Iterable[str]) -> str:
    return ', '.join(sorted(names)) or 'none'
