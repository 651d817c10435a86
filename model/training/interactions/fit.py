"""Fits the products of the model to all impressions at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from model.training.additive_effects.effect_problem import Occurring
from model.training.interactions.contexts import Contexts
from model.training.interactions.element_factors import ElementFactors
from model.training.interactions.residuals import Residuals
from model.training.interactions.synergies import Synergies
from model.training.interactions.tastes import Tastes

_MOST_SWEEPS = 16
_SETTLED = 0.02  # change of the effects in one sweep, over their standard deviation


@dataclass(frozen=True)
class InteractionPriors:
    """The numbers of factors, and their priors that are not learned.

    Attributes:
        taste_dim: H, the number of factors of a taste; 0 for no tastes.
        synergy_dim: D, the number of factors of a synergy; 0 for no synergies.
        synergy_std: The prior standard deviation of the entries of Q, in logits.
    """

    taste_dim: int = 0
    synergy_dim: int = 0
    synergy_std: float = 0.06


@dataclass(frozen=True)
class Interactions:
    """The fitted products.

    Attributes:
        own: The factors that each of E elements has of its own, float64 [E, H + D]: first those of tastes.
        terms: The factors of each of the V attributes, float64 [V, H + D].
        context: The factors of each cell of the context, float64 [cells, H].
        synergy: Q, float64 [M D, M D].
        logit: The sum of the effects on each impression, float64 [R].
        sweeps: The number of sweeps.
    """

    own: np.ndarray
    terms: np.ndarray
    context: np.ndarray
    synergy: np.ndarray
    logit: np.ndarray
    sweeps: int


def fit_interactions(
    there: Occurring,
    logit: np.ndarray,
    component: np.ndarray,
    contexts: Contexts,
    importance: np.ndarray,
    design: sparse.csr_matrix | None,
    priors: InteractionPriors,
) -> Interactions:
    """Fits tastes and synergies to what the additive effects leave unexplained.

    The log-odds of a click are

        logit + sum over shown elements e of s <u, z_e> + sum over pairs of shown elements e, f of y_e' Q y_f,

    where u depends on the cells of the user's context (`Tastes`), and the factors z and y of an element on
    itself and on its attributes (`ElementFactors`). The posterior is approximated by independent normal distributions of
    the factors of each element and each cell (mean-field variational Bayes), which shrinks each factor as far
    as its evidence is weak. Point estimates of products would not be shrunk enough.

    Args:
        there: The impressions, and what occurs in them: E elements.
        logit: The log-odds without products, float64 [R].
        component: The component of each of the E elements, int [E].
        contexts: The contexts of the impressions.
        importance: The importance s of each component by profile, float64 [profiles, M].
        design: The attributes of the E elements, [E, V]; None without a catalogue.
        priors: The numbers of factors and their priors.
    """
    data = there.data
    components = importance.shape[1]
    elements, columns = len(there.elements), design.shape[1] if design is not None else 0
    shown = np.full(data.shown.shape, elements)
    shown[data.shown >= 0] = there.element
    residuals = Residuals(data.click, data.weight, logit)
    parts: list[Tastes | Synergies] = []
    taste = synergy = None
    if priors.taste_dim and contexts.tables:
        factors = ElementFactors(component, components, priors.taste_dim, design)
        taste = Tastes(shown, contexts, importance, factors)
        taste.start(residuals, there.ad)
        parts.append(taste)
    if priors.synergy_dim and components > 1:
        factors = ElementFactors(component, components, priors.synergy_dim, design)
        synergy = Synergies(shown, factors, priors.synergy_std)
        synergy.start(residuals)
        parts.append(synergy)
    sweeps = _sweep(parts, residuals)
    return Interactions(
        own=_joined([part.factors.own[:-1] for part in parts], elements),
        terms=_joined([part.factors.terms for part in parts], columns),
        context=taste.context if taste else np.zeros((sum(table.size for table in contexts.tables), 0)),
        synergy=synergy.matrix if synergy else np.zeros((0, 0)),
        logit=residuals.logit - logit,
        sweeps=sweeps,
    )


def _sweep(parts: Sequence[Tastes | Synergies], residuals: Residuals) -> int:
    """Sweeps over all parts until their effects settle; returns the number of sweeps."""
    start = residuals.logit.copy()
    for sweep in range(1, _MOST_SWEEPS + 1):
        before = residuals.logit.copy()
        for part in parts:
            part.sweep(residuals)
        if np.std(residuals.logit - before) <= _SETTLED * np.std(before - start):
            return sweep
    return _MOST_SWEEPS


def _joined(values: list[np.ndarray], rows: int) -> np.ndarray:
    return np.concatenate(values, 1) if values else np.zeros((rows, 0))
