"""The answer of a model: the chosen combination of an ad and the runners-up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from serving.client.request import Exploration, SelectRequest

GENCO, THOMPSON, UNIFORM = 'genco', 'thompson', 'uniform'


@dataclass(frozen=True)
class Choice:
    """An element of one component: its index among the candidates, and its id.

    Attributes:
        index: The place of the element among the candidates, from 0.
        id: The id of the element.
        propensity: The generator's probability of the element, exactly 1/n under the uniform policy; None for
            runners-up.
        choice_propensity: An estimate of the probability that the complete choice (the best of K
            combinations, or with probability epsilon a uniform one) shows the element; None unless it was
            asked for.
        effect_std: The posterior standard deviation, in logits, of the effect that the model has fitted to the
            element, a measure of how little is known of it; None for runners-up, and from a model that does
            not say.
    """

    index: int
    id: str
    propensity: float | None = None
    choice_propensity: float | None = None
    effect_std: float | None = None


@dataclass(frozen=True)
class RunnerUp:
    """A combination that was considered, with its predicted CTR."""

    choices: Mapping[str, Choice]
    ctr: float


@dataclass(frozen=True)
class Selection:
    """The answer for one ad.

    Attributes:
        choices: The chosen element of every component, in the order of the model; absent components are left
            out.
        ctr: The predicted CTR of the chosen combination.
        runners_up: The other combinations that were drawn, each once, best first. With 'thompson', their CTRs are
            those of the drawn effects.
        model_version: The version that chose.
        seed: The seed that was used; the same version, seed and exploration give the same answer.
        policy: 'uniform' if the combination was drawn uniformly; otherwise the model chose: 'thompson' if it drew
            effects from their posterior, or else 'genco'.
        exploration: The exploration that was asked for, if any.
        choice_propensity: An estimate of the probability of the whole combination; None unless it was asked
            for.
        content: A reference to the content that was sent, by component that had some: a hash for each
            candidate, 1 to 2^62 - 1, up to the last one with content; 0 for a candidate without content.
    """

    choices: Mapping[str, Choice]
    ctr: float
    runners_up: tuple[RunnerUp, ...]
    model_version: int
    seed: int
    policy: str = GENCO
    exploration: Exploration | None = None
    choice_propensity: float | None = None
    content: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def decode_selections(
    outputs: Mapping[str, np.ndarray],
    requests: Sequence[SelectRequest],
    seeds: Sequence[int],
    version: int,
    exploration: Exploration | None = None,
) -> list[Selection]:
    """Reads the selections from the outputs of `serving_default` or `explore` (dimension 0 = ads).

    Raises:
        KeyError: An output is missing.
    """
    selections = []
    for ad, (request, seed) in enumerate(zip(requests, seeds)):
        components = [name.decode() for name in outputs['component'][ad]]
        selected = tuple(outputs['selected_index'][ad].tolist())
        stds = outputs['effect_std'][ad].tolist() if 'effect_std' in outputs else [None] * len(selected)
        choices = {
            name: Choice(
                index,
                outputs['selected_id'][ad, place].decode(),
                float(outputs['propensity'][ad, place]),
                effect_std=stds[place],
            )
            for place, (name, index) in enumerate(zip(components, selected))
            if index >= 0
        }
        runners_up = tuple(
            RunnerUp(_choices(request, components, combination), ctr)
            for combination, ctr in _distinct(outputs['combinations'][ad], outputs['combination_ctr'][ad])
            if combination != selected
        )
        policy = GENCO if exploration is None else outputs['policy'][ad].decode()
        ctr = float(outputs['ctr'][ad])
        selections.append(Selection(choices, ctr, runners_up, version, seed, policy, exploration))
    return selections


def with_choice_propensities(
    selections: Sequence[Selection], components: np.ndarray, estimates: np.ndarray, joint: np.ndarray
) -> list[Selection]:
    """Adds the estimated choice propensities to the selections of B ads.

    Args:
        selections: The selections [B].
        components: The component at each place, bytes [B, M].
        estimates: The choice propensities of the elements, float32 [B, M].
        joint: The choice propensities of the whole combinations, float32 [B].
    """
    estimated = []
    for ad, selection in enumerate(selections):
        by_name = dict(zip((name.decode() for name in components[ad]), estimates[ad].tolist()))
        choices = {
            name: replace(choice, choice_propensity=by_name[name])
            for name, choice in selection.choices.items()
        }
        estimated.append(replace(selection, choices=choices, choice_propensity=float(joint[ad])))
    return estimated


def _distinct(combinations: np.ndarray, ctrs: np.ndarray) -> list[tuple[tuple[int, ...], float]]:
    """The distinct combinations of [K, M] with their CTRs [K], best first."""
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
