"""Requests for a choice of creatives, checked and turned into the tensors of the serving contract."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from creative_logs.errors import InputError
from serving.client.content import ElementContent
from serving.client.content_tensors import (
    Given,
    check_dimensions,
    content_tensors,
    given_content,
    no_content,
    references,
)
from serving.client.contract import (
    EPSILON,
    POSTERIOR_SCALE,
    SEED,
    TEMPERATURE,
    Contract,
    candidates_of,
    texts_of,
)
from serving.client.values import integer, number, strings, utf8
from serving.tensor_protos import DT_FLOAT, DT_INT64

Value = str | bytes | int | float | Sequence[str | bytes]
_LIST_WIDTH = 32
_OR_CONTENT = '; where texts come from a catalogue, give content for the component, if only an empty mapping'


@dataclass(frozen=True)
class SelectRequest:
    """A request for the elements to show in one ad.

    Attributes:
        context: The value of every context feature that the model takes, by name.
        candidates: The ids of the candidate elements by component. A component that is left out or has no
            candidate is absent from the ad. Ids that the model has never seen are allowed.
        texts: One text per candidate, by component, for the components whose texts come from the logs.
        seed: The seed of the random choices; equal seeds give equal answers, and None draws a seed.
        content: The content of elements that the model may not know, such as those newer than it, by
            component and id. The client sends what the model takes of the content of candidates; elements
            that are no candidates are left out, so requests may share one mapping. The model knows the
            content of the elements in the catalogue that it was trained with, and does not read it here.
    """

    context: Mapping[str, Value]
    candidates: Mapping[str, Sequence[str | bytes]]
    texts: Mapping[str, Sequence[str | bytes]] = field(default_factory=dict)
    seed: int | None = None
    content: Mapping[str, Mapping[str, ElementContent]] = field(default_factory=dict)


@dataclass(frozen=True)
class Exploration:
    """How much the choices of a call are randomized.

    Attributes:
        temperature: The temperature of the generator's softmax, above 0, in place of the exported one; a
            higher temperature makes the probabilities more even.
        epsilon: The probability, in [0, 1], that an ad gets a combination drawn uniformly at random.
        posterior_scale: How far the effects of elements are drawn from their posterior means, at least 0, as a
            multiple of the posterior standard deviations: 0 draws none, 1 is Thompson sampling.

    Raises:
        InputError: A value is out of its range.
    """

    temperature: float
    epsilon: float
    posterior_scale: float = 0.0

    def __post_init__(self):
        if number(TEMPERATURE, self.temperature) <= 0:
            raise InputError(f'{TEMPERATURE}: must be above 0, got {self.temperature!r}')
        if not 0 <= number(EPSILON, self.epsilon) <= 1:
            raise InputError(f'{EPSILON}: must be in [0, 1], got {self.epsilon!r}')
        if number(POSTERIOR_SCALE, self.posterior_scale) < 0:
            raise InputError(f'{POSTERIOR_SCALE}: must be at least 0, got {self.posterior_scale!r}')

    def encode(self, ads: int, contract: Contract) -> dict[str, np.ndarray]:
        """The inputs of `explore` besides those of `serving_default`, float32 [B] each.

        Args:
            ads: B.
            contract: The inputs of the model; the posterior scale is left out where it does not draw effects.
        """
        values = {TEMPERATURE: self.temperature, EPSILON: self.epsilon}
        if contract.draws_effects:
            values[POSTERIOR_SCALE] = self.posterior_scale
        return {name: np.full(ads, value, np.float32) for name, value in values.items()}


def encode_requests(
    requests: Sequence[SelectRequest], seeds: Sequence[int], contract: Contract, full_content: bool = False
) -> dict[str, np.ndarray]:
    """Encodes B requests as the inputs of `serving_default`.

    Args:
        requests: The requests [B].
        seeds: The seed of each request [B].
        contract: The inputs of the model.
        full_content: Whether tensors of content are as wide as those of candidates even where no candidate
            has content.

    Returns:
        The array of each input: [B], or for lists [B, n] padded with empty strings. n is N for candidates and
        texts and 32 for features, or a multiple of these if a list is longer. For content see
        `content_tensors`; its widths are 0 or a multiple of N.

    Raises:
        InputError: A request does not fit the contract; the message names the place of the request, the
            field, the rule and the value.
    """
    rows, given = [], []
    for place, (request, seed) in enumerate(zip(requests, seeds)):
        try:
            rows.append(_encode_request(request, seed, contract))
            given.append(_given_content(request, contract))
        except InputError as error:
            where = f'request {place}: ' if len(requests) > 1 else ''
            raise InputError(f'{where}{error}') from error
    names = {name for row in rows for name in row} if contract.with_text else rows[0]
    inputs = {name: _column([row.get(name, []) for row in rows], _width(name, contract)) for name in names}
    some_given = any(given)
    for name, takes in contract.content.items():
        texts = inputs.get(texts_of(name))
        least = inputs[candidates_of(name)].shape[1] if full_content else 0
        contents = [each.get(name, ()) for each in given] if some_given or least else ()
        if any(contents) or least:
            inputs |= content_tensors(name, takes, contents, contract.max_candidates or 1, least, texts)
        elif texts is None:
            inputs |= no_content(name, takes, len(requests))
    return inputs


def content_references(request: SelectRequest, contract: Contract) -> dict[str, tuple[int, ...]]:
    """The references to the content that is sent with a request, by component (`Selection.content`)."""
    given = _given_content(request, contract)
    return {
        name: found for name, each in given.items() if (found := references(contract.content[name], each))
    }


def _encode_request(request: SelectRequest, seed: int, contract: Contract) -> dict:
    _check_names('context feature', request.context, contract.context, 'takes')
    row: dict[str, Any] = {SEED: np.int64(integer('seed', seed))}
    for name, (dtype, rank) in contract.context.items():
        if name not in request.context:
            raise InputError(
                f'context feature {name!r} is missing; the model takes {_listed(contract.context)}'
            )
        row[name] = _context_value(f'context feature {name!r}', request.context[name], dtype, rank)
    _check_names('component', request.candidates, contract.components, 'knows')
    _check_names('texts of component', request.texts, contract.with_text, 'takes texts of')
    _check_names('content of component', request.content, contract.components, 'knows')
    for name in contract.components:
        ids = _ids(name, request.candidates.get(name, ()))
        row[candidates_of(name)] = ids
        if name in contract.with_text and _gives_texts(name, request):
            row[texts_of(name)] = _texts(name, request.texts.get(name, ()), len(ids))
    if not any(row[candidates_of(name)] for name in contract.components):
        raise InputError(
            f'no component has a candidate; give candidates for one or more of {_listed(contract.components)}'
        )
    return row


def _gives_texts(component: str, request: SelectRequest) -> bool:
    """Whether a component's texts are given one per candidate, and not as content."""
    if component not in request.content:
        return True
    if component in request.texts:
        raise InputError(f'component {component!r}: give texts or content, not both')
    return False


def _given_content(request: SelectRequest, contract: Contract) -> Mapping[str, list[Given]]:
    """The content of a request's candidates, for each component whose content the model takes."""
    found = {}
    for name, contents in request.content.items():
        if name in contract.content:
            found[name] = given_content(name, request.candidates.get(name, ()), contents)
            check_dimensions(name, contract.content[name], found[name])
    return found


def _check_names(what: str, given: Mapping, known: Iterable[str], verb: str) -> None:
    if not isinstance(given, Mapping):
        raise InputError(f'{what}: must be a mapping of names to values, got {given!r}')
    for name in given:
        if name not in known:
            raise InputError(f'{what} {name!r} is unknown; the model {verb} {_listed(known)}')


def _context_value(what: str, value: Value, dtype: int, rank: int):
    if rank == 2:
        return strings(what, value)
    if dtype == DT_INT64:
        return np.int64(integer(what, value))
    if dtype == DT_FLOAT:
        return np.float32(number(what, value))
    return utf8(what, value)


def _ids(component: str, values: Sequence[str | bytes]) -> list[bytes]:
    what = f'candidates of component {component!r}'
    ids = strings(what, values)
    if b'' in ids:
        raise InputError(f'{what}: an id must not be empty, got {values!r}')
    repeated = sorted({value.decode() for value in ids if ids.count(value) > 1})
    if repeated:
        raise InputError(f'{what}: an id must not be repeated, got {repeated[0]!r} more than once')
    return ids


def _texts(component: str, values: Sequence[str | bytes], candidates: int) -> list[bytes]:
    what = f'texts of component {component!r}'
    texts = strings(what, values)
    if len(texts) != candidates:
        raise InputError(
            f'{what}: there must be one text per candidate, got {len(texts)} texts for '
            f'{candidates} candidates{"" if texts else _OR_CONTENT}'
        )
    return texts


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
