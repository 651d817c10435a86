"""What a model answers: the chosen combination of an ad and the runners-up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from serving.request import SelectRequest


@dataclass(frozen=True)
class Choice:
    """An element of one component: its index among the candidates, and its id.

    `propensity` is the generator's probability of the element, given for chosen elements only.
    """

    index: int
    id: str
    propensity: float | None = None


@dataclass(frozen=True)
class RunnerUp:
    """A combination that was considered, with its predicted CTR."""

    choices: Mapping[str, Choice]
    ctr: float


@dataclass(frozen=True)
class Selection:
    """The answer for one ad.

    Attributes:
        choices: by component, in the order of the model; absent components are left out.
        ctr: predicted for the chosen combination.
        runners_up: the other combinations that were drawn, each once, best first.
        model_version: that chose.
        seed: with it, the same version gives the same answer.
    """

    choices: Mapping[str, Choice]
    ctr: float
    runners_up: tuple[RunnerUp, ...]
    model_version: int
    seed: int


def decode_selections(
    outputs: Mapping[str, np.ndarray], requests: Sequence[SelectRequest], seeds: Sequence[int], version: int
) -> list[Selection]:
    """Selections from the outputs of `serving_default` (dimension 0 = ads).

    Raises:
        KeyError: an output is missing.
    """
    selections = []
    for ad, (request, seed) in enumerate(zip(requests, seeds)):
        components = [name.decode() for name in outputs['component'][ad]]
        selected = tuple(outputs['selected_index'][ad].tolist())
        choices = {
            name: Choice(
                index, outputs['selected_id'][ad, place].decode(), float(outputs['propensity'][ad, place])
            )
            for place, (name, index) in enumerate(zip(components, selected))
            if index >= 0
        }
        runners_up = tuple(
            RunnerUp(_choices(request, components, combination), ctr)
            for combination, ctr in _distinct(outputs['combinations'][ad], outputs['combination_ctr'][ad])
            if combination != selected
        )
        selections.append(Selection(choices, float(outputs['ctr'][ad]), runners_up, version, seed))
    return selections


def _distinct(combinations: np.ndarray, ctrs: np.ndarray) -> list[tuple[tuple[int, ...], float]]:
    """Combinations [K, M] with their CTRs [K]: each once, best first."""
    found: dict[tuple[int, ...], float] = {}
    for sample in np.argsort(-ctrs, kind='stable').tolist():
        found.setdefault(tuple(combinations[sample].tolist()), float(ctrs[sample]))
    return list(found.items())


def _choices(
    request: SelectRequest, components: list[str], combination: tuple[int, ...]
) -> dict[str, Choice]:
    return {
        name: Choice(index, _as_text(request.candidates[name][index]))
        for name, index in zip(components, combination)
        if index >= 0
    }


def _as_text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
