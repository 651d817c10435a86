"""The contract of a served model, read from its signatures: its inputs and its components."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from serving.tensor_protos import DT_FLOAT, DT_INT64, DT_STRING, type_name

SEED, SELECTED = 'seed', 'selected'
TEMPERATURE, EPSILON, POSTERIOR_SCALE = 'temperature', 'epsilon', 'posterior_scale'
SELECT, EXPLORE, CHOICE_PROPENSITY = 'serving_default', 'explore', 'choice_propensity'
_SCORES, _SCORE = 'score_elements', 'element_score'
_CANDIDATES, _TEXT, _ATTRIBUTES, _VECTOR = '_candidates', '_text', '_attributes', '_vector'
_CONTEXT_TYPES = ((DT_STRING, 1), (DT_STRING, 2), (DT_INT64, 1), (DT_FLOAT, 1))


class ContentInputs(NamedTuple):
    """What a model takes of the content of a component's candidates.

    Attributes:
        text: Whether it takes their texts.
        attributes: Whether it takes their attributes.
        vector: The number of dimensions of their vectors; 0 if it takes none.
    """

    text: bool
    attributes: bool
    vector: int


@dataclass(frozen=True)
class Contract:
    """The inputs of a model's `serving_default`, and the signatures that it has.

    Attributes:
        context: The type number and rank of every context feature by name; rank 2 means one list per ad.
        components: The names of the components, sorted.
        with_text: The components that take texts and nothing else besides candidates. The signatures do not
            say whether their texts come from the logs, one per candidate, or from a catalogue.
        signatures: The names of all signatures of the model.
        max_candidates: N, the largest number of candidates per component that the model scores; None if its
            signatures do not say.
        content: What the model takes of the content of candidates, by component that has some; those of
            `with_text` are among them.
        draws_effects: Whether the model can explore by drawing effects: whether `explore` takes a posterior scale.
    """

    context: Mapping[str, tuple[int, int]]
    components: tuple[str, ...]
    with_text: frozenset[str]
    signatures: frozenset[str] = frozenset()
    max_candidates: int | None = None
    content: Mapping[str, ContentInputs] = field(default_factory=dict)
    draws_effects: bool = False

    @classmethod
    def from_signatures(cls, signatures: Mapping) -> 'Contract':
        """Reads the `SignatureDef`s of a model, by name.

        Raises:
            ValueError: The signatures are not those of a GenCO model.
        """
        if SELECT not in signatures:
            raise ValueError(f'it has no signature {SELECT}')
        signature = signatures[SELECT]
        inputs = {alias: (info.dtype, len(info.tensor_shape.dim)) for alias, info in signature.inputs.items()}
        components = tuple(sorted(a.removesuffix(_CANDIDATES) for a in inputs if a.endswith(_CANDIDATES)))
        content = {name: takes for name in components if any(takes := _content(name, signature.inputs))}
        with_text = frozenset(name for name, takes in content.items() if takes == (True, False, 0))
        if not components or inputs.pop(SEED, None) != (DT_INT64, 1):
            raise ValueError('it has no inputs for candidates and seed')
        for name in components:
            for alias in (candidates_of(name), texts_of(name), attributes_of(name), vectors_of(name)):
                inputs.pop(alias, None)
        context = dict(sorted(inputs.items()))
        for name, (dtype, rank) in context.items():
            if (dtype, rank) not in _CONTEXT_TYPES:
                raise ValueError(f'its input {name!r} is {type_name(dtype)} of rank {rank}')
        draws_effects = EXPLORE in signatures and POSTERIOR_SCALE in signatures[EXPLORE].inputs
        return cls(
            context,
            components,
            with_text,
            frozenset(signatures),
            _max_candidates(signatures),
            content,
            draws_effects,
        )


def _content(component: str, inputs: Mapping) -> ContentInputs:
    sizes = []
    if vectors_of(component) in inputs:
        sizes = [dim.size for dim in inputs[vectors_of(component)].tensor_shape.dim]
    vector = sizes[2] if len(sizes) == 3 else 0
    return ContentInputs(texts_of(component) in inputs, attributes_of(component) in inputs, vector)


def _max_candidates(signatures: Mapping) -> int | None:
    """N, read from the shape [B, M, N] of the element scores."""
    scores = signatures[_SCORES].outputs[_SCORE] if _SCORES in signatures else None
    sizes = [dim.size for dim in scores.tensor_shape.dim] if scores else []
    return sizes[2] if len(sizes) == 3 and sizes[2] > 0 else None


def candidates_of(component: str) -> str:
    """The name of the input that holds the candidates of a component."""
    return component + _CANDIDATES


def texts_of(component: str) -> str:
    """The name of the input that holds the texts of a component's candidates."""
    return component + _TEXT


def attributes_of(component: str) -> str:
    """The name of the input that holds the attributes of a component's candidates."""
    return component + _ATTRIBUTES


def vectors_of(component: str) -> str:
    """The name of the input that holds the vectors of a component's candidates."""
    return component + _VECTOR
