"""The tensors that bring the content of candidates."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from creative_logs.errors import InputError
from serving.client.content import ElementContent
from serving.client.contract import ContentInputs, attributes_of, texts_of, vectors_of


class Given(NamedTuple):
    """The content that a request gives for a candidate, and the candidate's place and id."""

    place: int
    id: str
    content: ElementContent


def given_content(
    component: str, candidates: Sequence[str | bytes], contents: Mapping[str, ElementContent]
) -> list[Given]:
    """The candidates of a component that have content, by place.

    Raises:
        InputError: `contents` is no mapping, or the content of a candidate is no ElementContent.
    """
    if not isinstance(contents, Mapping):
        raise InputError(f'{_of(component)}: must be a mapping of ids to contents, got {contents!r}')
    given = []
    for place, candidate in enumerate(candidates) if contents else ():
        id_ = candidate.decode() if isinstance(candidate, bytes) else candidate
        content = contents.get(id_)
        if content is None:
            continue
        if not isinstance(content, ElementContent):
            raise InputError(f'{_of(component)}: must be an ElementContent, got {content!r} for {id_!r}')
        given.append(Given(place, id_, content))
    return given


def check_dimensions(component: str, takes: ContentInputs, given: Sequence[Given]) -> None:
    """Raises InputError if a vector does not have the dimensions that the model takes."""
    for _, id_, content in given if takes.vector else ():
        if content.vector is not None and len(content.vector) != takes.vector:
            raise InputError(
                f'{_of(component)}: the vector of {id_!r} must have {takes.vector} values, '
                f'got {len(content.vector)}'
            )


def content_tensors(
    component: str,
    takes: ContentInputs,
    given: Sequence[Sequence[Given]],
    multiple: int,
    least: int = 0,
    texts: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """The tensors with the content of a component's candidates, for B ads.

    Args:
        component: The name of the component.
        takes: What the model takes of the content.
        given: The content that each ad gives [B].
        multiple: The number that the widths are a multiple of.
        least: The smallest width.
        texts: The texts of the ads that give texts instead of content, string [B, n].

    Returns:
        Each tensor by the name of its input: string [B, w], or for vectors float32 [B, w, D]. w is 0, or
        `least`, where no candidate has such content.
    """
    flat = [(ad, place, content) for ad, each in enumerate(given) for place, _, content in each]
    tensors = {}
    if takes.text:
        found = [(ad, place, content.text) for ad, place, content in flat if content.text]
        start = np.full((len(given), 0), b'', object) if texts is None else texts
        tensors[texts_of(component)] = _filled(start, found, multiple, least)
    if takes.attributes:
        found = [(ad, place, content.attributes) for ad, place, content in flat if content.attributes]
        start = np.full((len(given), 0), b'', object)
        tensors[attributes_of(component)] = _filled(start, found, multiple, least)
    if takes.vector:
        vectors = [(ad, place, content.vector) for ad, place, content in flat if content.vector is not None]
        start = np.zeros((len(given), 0, takes.vector), np.float32)
        tensors[vectors_of(component)] = _filled(start, vectors, multiple, least)
    return tensors


def _filled(
    start: np.ndarray, found: Sequence[tuple[int, int, Any]], multiple: int, least: int
) -> np.ndarray:
    """Widens `start` [B, w, ...] as far as is needed, and sets the values at (ad, place)."""
    longest = max((place + 1 for _, place, _ in found), default=0)
    width = max(least, start.shape[1], -(-longest // multiple) * multiple)
    table = np.full((len(start), width, *start.shape[2:]), b'' if start.dtype == object else 0, start.dtype)
    table[:, : start.shape[1]] = start
    for ad, place, value in found:
        table[ad, place] = value
    return table


@functools.lru_cache(1024)
def no_content(component: str, takes: ContentInputs, ads: int) -> Mapping[str, np.ndarray]:
    """`content_tensors` of ads that give no content, all of width 0; the same ones again in later calls."""
    return content_tensors(component, takes, [()] * ads, 1)


def references(takes: ContentInputs, given: Sequence[Given]) -> tuple[int, ...]:
    """A hash of the content that was sent for each candidate, up to the last that has some; 0 for none."""
    found = {place: reference for place, _, content in given if (reference := content.reference(takes))}
    return tuple(found.get(place, 0) for place in range(max(found, default=-1) + 1))


def _of(component: str) -> str:
    return f'content of component {component!r}'
