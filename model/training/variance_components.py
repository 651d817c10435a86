"""Learns the prior variances of linear terms from the data: empirical Bayes by Laplace's approximation."""

from collections.abc import Sequence

import numpy as np

from model.training.effect_problem import EffectProblem

_PROBES = 2
_MOST_STEPS = 80
_TOLERANCE = 0.02  # of the residual; the traces need no more
_SMALLEST_STD = 1e-3
_LARGEST_STD = 3.0


def learned_stds(
    problem: EffectProblem, values: np.ndarray, groups: Sequence[str], rng: np.random.Generator
) -> dict[str, float]:
    """The next estimates of the prior standard deviations of groups, by MacKay's fixed point.

    At the posterior mode, the W values w of a group with the prior variance v determine

        gamma = W - trace(posterior covariance of w) / v

    effective parameters, and the next estimate of v is |w|^2 / gamma (MacKay 1992). The trace is estimated
    with random signs z as z' H^-1 z (Hutchinson 1990), where H is the Hessian of the loss and thus has the
    correlations of all effects; one solution by conjugate gradients serves all groups. A group that the data
    do not support loses its variance step by step.

    Args:
        problem: The posterior.
        values: Its mode, float64 [P].
        groups: The names of the groups.
        rng: The generator of the signs.
    """
    information = problem.information(values)
    scale = 1 / np.sqrt(problem.curvature(information))
    kept = dict.fromkeys(groups, 0.0)
    for _ in range(_PROBES):
        signs = np.zeros(problem.size)
        for name in groups:
            signs[problem.groups[name]] = rng.choice((-1.0, 1.0), len(problem.groups[name]))
        solved = _solved(problem, information, signs, scale) * signs
        for name in groups:
            kept[name] += solved[problem.groups[name]].sum() / _PROBES
    found = {}
    for name in groups:
        weights, std = values[problem.groups[name]], problem.stds[name]
        effective = max(len(weights) - kept[name] / std**2, 0.05 * len(weights) ** 0.5)
        # One step does not go further than a factor of three: the first ones start far from the fixed point.
        wanted = np.clip((weights @ weights / effective) ** 0.5, std / 3, std * 3)
        found[name] = float(np.clip(wanted, _SMALLEST_STD, _LARGEST_STD))
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
