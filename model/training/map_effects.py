"""Fits the additive part of GenCO to all impressions at once: the posterior mode under normal priors."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from model.content.content_weights import ContentWeights
from model.content.element_contents import Catalogue
from model.features.context_cells import ContextCells
from model.training.additive_effects.content_terms import (
    ATTRIBUTE,
    BETWEEN,
    TEXT,
    VECTOR,
    attribute_design,
    between_terms,
    content_terms,
    content_weights,
)
from model.training.additive_effects.effect_problem import (
    AD,
    COMBINATION,
    ELEMENT,
    INTERCEPT,
    EffectProblem,
    Occurring,
)
from model.training.additive_effects.linear_terms import LinearTerms, SparseTerms
from model.training.additive_effects.posterior_mode import ITERATIONS_PER_ROUND, mode
from model.training.additive_effects.variance_components import learned_stds
from model.training.interactions.contexts import Contexts
from model.training.interactions.fit import InteractionPriors, Interactions, fit_interactions
from model.training.interactions.importance import Importance, learn_importance
from model.training.training_impressions import TrainingImpressions

_PRIOR_EXPOSURE = 3.0  # impressions; keeps the preference for rarely shown elements near zero
_NO_SPREAD = 1e-4
_MOST_ROUNDS = 6
_ROUNDS_END = 0.1  # relative change of the learned standard deviations
_SUBWORD, _PREFERENCE = 'subword', 'preference'
_LEARNED = (TEXT, ATTRIBUTE, VECTOR, BETWEEN)


@dataclass(frozen=True)
class Priors:
    """The prior standard deviations, in logits, of effects whose prior mean is zero.

    Attributes:
        ad, element, subword: The standard deviation of the effect of an ad, of an element and of a subword.
        combination: The standard deviation of the joint effect of the elements of a combination beyond the
            sum of their effects.
        preference: The largest standard deviation that may be learned for the weights of the logging
            policy's preference, of which each component has one.
        interactions: The numbers of factors and the priors of tastes and synergies.
        content: The standard deviation of the effects of attributes and of the dimensions of vectors from
            which their learning starts; a vector's dimensions together have the length 1 on average.
        importance: Whether the importance of the components is learned; otherwise it is 1.
    """

    ad: float
    element: float
    subword: float
    combination: float
    preference: float
    interactions: InteractionPriors = field(default_factory=InteractionPriors)
    content: float = 0.1
    importance: bool = True


@dataclass(frozen=True)
class Effects:
    """The fitted effects, in logits.

    Attributes:
        intercept: The logit that all impressions share.
        ad: The effects of ads, float64 [ads].
        ad_precision: The precisions (1 / variance) of the effects of ads, float64 [ads].
        element: The effects of elements, float64 [rows], including the preference but neither the subwords
            nor the content.
        element_precision: The precisions of the effects of elements, float64 [rows].
        subword: The effects of subwords, float64 [subwords].
        combination: The effects of combinations, float64 [combination rows].
        preference: The weights of the logging policy's preference, float64 [M].
        content: The effects of what the catalogue says about elements.
        factors: The factors of tastes and synergies of elements, float64 [rows, H + D].
        interactions: The other factors of tastes and synergies.
        importance: The importance of the components.
        stds: The prior standard deviations, fixed or learned, by effect.
    """

    intercept: float
    ad: np.ndarray
    ad_precision: np.ndarray
    element: np.ndarray
    element_precision: np.ndarray
    subword: np.ndarray
    combination: np.ndarray
    preference: np.ndarray
    content: ContentWeights
    factors: np.ndarray
    interactions: Interactions
    importance: Importance
    stds: Mapping[str, float]


def fit_effects(
    evidence: TrainingImpressions,
    intercept: float,
    ads: int,
    combinations: int,
    priors: Priors,
    catalogue: Catalogue | None = None,
) -> Effects:
    """Fits the effects of ads, elements, their content and whole combinations to the clicks.

    The log-odds of a click on an impression are

        offset + intercept + ad + combination + sum over shown elements e of (
            element_e + preference_C(e) q_e + sum over its n subwords of subword / sqrt(n)
            + sum over its m attributes of attribute / sqrt(m) + vector_C(e) (x_e - mean)),
        ad = ad_own + between (the mean attributes and vectors of what the ad showed),
        q_e = log((exposure_e + 3) / (chance_e + 3)).

    Here chance_e is the exposure that a uniform policy would have given the element, so q_e is the log of how
    much more often the logging policy showed it; impressions chosen by GenCO models do not count. An informed
    policy shows good elements more often. The weight of this preference is learned in two fits: the spread of
    the weights in the first fit, less the part that noise explains, is their prior in the second (DerSimonian
    and Laird 1986). The preference of an uninformed policy is therefore left out. The precisions are those of
    Laplace's approximation, without the correlations.

    Attributes and vectors come from the catalogue; texts from the catalogue or from the logs. The prior
    variances of what comes from the catalogue, by component, are learned (`learned_stds`). The term `between` keeps
    differences between ads out of the effects of their elements.

    Tastes and synergies are then fitted to what these effects leave unexplained (`fit_interactions`), and the
    effects once more beside them.

    Args:
        evidence: The impressions seen in training, at least one.
        intercept: The initial value of the intercept, which has no prior.
        ads, combinations: The numbers of rows of the ads and of the combinations.
        priors: The prior standard deviations of the effects.
        catalogue: The content of the elements, or None.
    """
    there = Occurring.of(evidence.impressions())
    elements = there.elements
    contents = catalogue.of(evidence.key[elements]) if catalogue else None
    subwords, preferences = evidence.subwords(), _preferences(evidence)
    shown_subwords = np.unique(subwords[elements].indices)
    terms: dict[str, LinearTerms] = {
        _SUBWORD: SparseTerms(subwords[elements][:, shown_subwords]),
        _PREFERENCE: SparseTerms(preferences[elements]),
        **content_terms(contents),
    }
    ad_terms = between_terms(there, terms)
    components = list(evidence.tables.components)
    problem = EffectProblem(there, evidence.component, components, terms, ad_terms)
    for group in problem.groups:
        problem.set_std(group, _first_std(group, priors))
    contexts = Contexts.of(there.data.categories, ContextCells(evidence.tables))
    start = np.zeros(problem.size)
    problem.split(start)[INTERCEPT][:] = intercept
    # On a busy machine, BLAS threads spend more time waiting for each other than computing.
    with threadpool_limits(1, 'blas'):
        values = mode(problem, start)
        spread = _learned_spread(problem, values, preferences[elements], priors)
        problem.set_std(_PREFERENCE, spread)
        values = mode(problem, values)
        component = evidence.component[elements]
        importance = Importance(contexts, there.row, component[there.element], len(components))
        if priors.importance:
            values = learn_importance(importance, problem, values, there, component, priors.element)
        values = _learn_stds(problem, values)
        interactions = fit_interactions(
            there,
            problem.logit(values),
            component,
            contexts,
            importance.of_profiles,
            attribute_design(contents),
            priors.interactions,
        )
        problem.add_offset(interactions.logit)
        values = mode(problem, values)
    part, curvature = problem.split(values), problem.split(problem.curvature(problem.information(values)))
    rows, columns = subwords.shape
    own = _spread(part[ELEMENT], elements, np.zeros(rows))
    ad = part[AD] + sum(between.effect(part[name]) for name, between in ad_terms.items())
    return Effects(
        intercept=float(part[INTERCEPT][0]),
        ad=_spread(ad, there.ads, np.zeros(ads)),
        ad_precision=_spread(curvature[AD], there.ads, np.full(ads, priors.ad**-2)),
        element=own + preferences @ part[_PREFERENCE],
        element_precision=_spread(curvature[ELEMENT], elements, np.full(rows, priors.element**-2)),
        subword=_spread(part[_SUBWORD], shown_subwords, np.zeros(columns)),
        combination=_spread(part[COMBINATION], there.combinations, np.zeros(combinations)),
        preference=part[_PREFERENCE],
        content=content_weights(contents, terms, part, interactions.terms),
        factors=_spread(interactions.own, elements, np.zeros((rows, interactions.own.shape[1]))),
        interactions=interactions,
        importance=importance,
        stds=dict(problem.stds),
    )


def _first_std(group: str, priors: Priors) -> float:
    """The prior standard deviation of a group, or that from which its learning starts."""
    kind = group.split(' ')[0]
    return {
        AD: priors.ad,
        COMBINATION: priors.combination,
        ELEMENT: priors.element,
        _SUBWORD: priors.subword,
        TEXT: priors.subword,
        _PREFERENCE: priors.preference,
    }.get(kind, priors.content)


def _learn_stds(problem: EffectProblem, values: np.ndarray) -> np.ndarray:
    """Learns the prior standard deviations of content, starting at the mode; returns the new mode."""
    first = {name: std for name, std in problem.stds.items() if name.split(' ')[0] in _LEARNED}
    if not first:
        return values
    rng = np.random.default_rng(1)
    for _ in range(_MOST_ROUNDS):
        found = learned_stds(problem, values, first, rng)
        change = max(abs(np.log(std / problem.stds[name])) for name, std in found.items())
        for name, std in found.items():
            problem.set_std(name, std)
        values = mode(problem, values, ITERATIONS_PER_ROUND)
        if change < _ROUNDS_END:
            break
    return mode(problem, values)


def _learned_spread(
    problem: EffectProblem, values: np.ndarray, preferences: sparse.csr_matrix, priors: Priors
) -> float:
    """Returns the standard deviation of the preference weights beyond noise, at most that in `priors`.

    The clicks of element e carry the information H_e about its effect, whose prior standard deviation is
    `priors.element`. They thus carry q_e^2 H_e / (1 + priors.element^2 H_e) about the weight of q.
    """
    weights = problem.split(values)[_PREFERENCE]
    precision = problem.split(problem.curvature(problem.information(values)))[ELEMENT]
    said = np.maximum(precision - priors.element**-2, 0)
    information = preferences.power(2).T @ (said / (1 + priors.element**2 * said))
    if not information.any():
        return _NO_SPREAD
    variance = (information @ weights**2 - np.count_nonzero(information)) / information.sum()
    return min(max(variance, _NO_SPREAD**2) ** 0.5, priors.preference)


def _spread(values: np.ndarray, rows: np.ndarray, table: np.ndarray) -> np.ndarray:
    table[rows] = values
    return table


def _preferences(evidence: TrainingImpressions) -> sparse.csr_matrix:
    """Returns q_e in the column of the component of each element, float64 [rows, M]."""
    rows = np.flatnonzero(evidence.component >= 0)
    quotient = (evidence.exposure[rows] + _PRIOR_EXPOSURE) / (evidence.chance[rows] + _PRIOR_EXPOSURE)
    shape = (len(evidence.component), len(evidence.tables.components))
    return sparse.csr_matrix((np.log(quotient), (rows, evidence.component[rows])), shape)
