"""Learns the prior variances of linear terms from the data: empirical Bayes by Laplace's approximation."""

from collections.abc import Mapping

import numpy as np

from model.training.additive_effects.effect_problem import EffectProblem

_PROBES = 2
_MOST_STEPS = 40
_TOLERANCE = 0.05  # of the residual; the traces need no more
_PRIOR_PARAMETERS = 3.0  # effective parameters that the first guess counts for, against a collapse to zero


def learned_stds(
    problem: EffectProblem, values: np.ndarray, first: Mapping[str, float], rng: np.random.Generator
) -> dict[str, float]:
    """The next estimates of the prior standard deviations of groups, by MacKay's fixed point.

    At the posterior mode, the W values w of a group with the prior variance v determine

        gamma = W - trace(posterior covariance of w) / v = trace of the part for w of H^-1 D

    effective parameters. H is the Hessian of the loss, with the correlations of all effects, and D the part of it
    that comes from the data. The next estimate of v is |w|^2 / gamma (MacKay 1992), which here is joined with a
    first guess that counts for three effective parameters. The trace is estimated with random signs z as
    z' H^-1 D z (Hutchinson 1990); one solution by conjugate gradients serves all groups. Unlike z' H^-1 z, it is
    small where the data tell little, and so is its error.

    Args:
        problem: The posterior.
        values: Its mode, float64 [P].
        first: The first guess of the standard deviation of each group to learn, by name.
        rng: The generator of the signs.
    """
    information = problem.information(values)
    scale = 1 / np.sqrt(problem.curvature(information))
    effective = dict.fromkeys(first, 0.0)
    for _ in range(_PROBES):
        signs = np.zeros(problem.size)
        for name in first:
            signs[problem.groups[name]] = rng.choice((-1.0, 1.0), len(problem.groups[name]))
        told = problem.data_product(information, signs)
        solved = _solved(problem, information, told, scale) * signs
        for name in first:
            effective[name] += solved[problem.groups[name]].sum() / _PROBES
    found = {}
    for name in first:
        weights, guess = values[problem.groups[name]], first[name]
        squares = weights @ weights + _PRIOR_PARAMETERS * guess**2
        found[name] = float((squares / (max(effective[name], 0.0) + _PRIOR_PARAMETERS)) ** 0.5)
    return found


def _solved(
    problem: EffectProblem, information: np.ndarray, wanted: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """H^-1 times `wanted` by conjugate gradients with a diagonal preconditioner, scale^2."""
    solution = np.zeros_like(wanted)
    residual = wanted * scale
    direction = residual.copy()
    size = limit = residual @ residual
    for _ in range(_MOST_STEPS):
        if size <= _TOLERANCE**2 * limit:
            break
        product = scale * problem.hessian_product(information, scale * direction)
        step = size / (direction @ product)
        solution += step * direction
        residual -= step * product
        size, before = residual @ residual, size
        direction = residual + size / before * direction
    return solution * scale
