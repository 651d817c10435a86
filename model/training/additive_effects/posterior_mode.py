"""The mode of the posterior of the additive effects."""

import numpy as np
from scipy import optimize

from model.training.additive_effects.effect_problem import EffectProblem

ITERATIONS_PER_ROUND = 30  # where something is learned in turns with the mode
_MOST_ITERATIONS = 150
_TOLERANCE = 1e-9  # relative change of the loss from one iteration to the next


def mode(problem: EffectProblem, start: np.ndarray, iterations: int = _MOST_ITERATIONS) -> np.ndarray:
    """The values of the least loss, float64 [P], by L-BFGS.

    Args:
        problem: The negative log posterior.
        start: The values at which to start, float64 [P].
        iterations: The largest number of iterations.
    """
    scale = 1 / np.sqrt(problem.curvature(problem.information(start)))

    def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = problem.loss(x * scale)
        return loss, scale * gradient

    found = optimize.minimize(
        scaled,
        start / scale,
        jac=True,
        method='L-BFGS-B',
        options={'maxiter': iterations, 'ftol': _TOLERANCE},
    )
    return found.x * scale
