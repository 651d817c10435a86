"""The textbook formulas of the estimators, written plainly: what production's `row_terms` must agree with.

Terms are float64 [..., 2], numerator and denominator, of rows on the first axis; their sums' ratio is the
estimate. All arguments are broadcast against each other. Usual shapes: weight and click [R, 1, 1], importance
weights [R, M, P] for components; the same without the axis M for whole combinations.
"""

import numpy as np


def ips(weight: np.ndarray, click: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Inverse propensity scoring, sum(v w y) / sum(v) (Horvitz and Thompson 1952).

    With the slate weights it is the pseudo-inverse estimator (PI).
    """
    return _terms(weight * w * click, weight)


def snips(weight: np.ndarray, click: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Self-normalised IPS, sum(v w y) / sum(v w) (Swaminathan and Joachims 2015).

    With w = n x match it is the paper's calibrated sCTR (GenCO, Algorithm 1), with w = n pi its
    expectation form, with `replay_importance` exact replay.
    """
    return _terms(weight * w * click, weight * w)


def dm(weight: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Direct method, sum(v q_pi) / sum(v).

    Args:
        weight: v.
        expected: q_pi, the model's mean CTR of what the policy would show.
    """
    return _terms(weight * expected, weight)


def dr(
    weight: np.ndarray, click: np.ndarray, w: np.ndarray, expected: np.ndarray, predicted: np.ndarray
) -> np.ndarray:
    """Doubly robust, sum(v (q_pi + w (y - q))) / sum(v) (Dudik, Langford and Li 2011).

    Args:
        weight, click: v, y.
        w: importance weights; with `slate_importance` only what the model leaves unexplained must add up.
        expected: q_pi, the model's mean CTR of what the policy would show.
        predicted: q, the model's CTR of what was shown.
    """
    return _terms(weight * (expected + w * (click - predicted)), weight)


def component_terms(
    weight: np.ndarray,
    click: np.ndarray,
    w: np.ndarray,
    expected: np.ndarray,
    predicted: np.ndarray,
) -> np.ndarray:
    """Terms of all `COMPONENT_ESTIMATORS`.

    Args:
        weight: float64 [R, M], 0 where the component does not count.
        click: [R].
        w: [R, M, P], see `importance`.
        expected: [R, M, P], q_pi by a model of one component's elements (sum over candidates of pi q).
        predicted: [R, M], q of the shown element by the same model.

    Returns:
        float64 [R, M, E, P, 2], E in the order of `COMPONENT_ESTIMATORS`.
    """
    v, y, q = weight[..., None], click[:, None, None], predicted[..., None]
    return np.stack([snips(v, y, w), ips(v, y, w), dm(v, expected), dr(v, y, w, expected, q)], 2)


def combination_terms(
    weight: np.ndarray,
    click: np.ndarray,
    replay: np.ndarray,
    slate: np.ndarray,
    expected: np.ndarray,
    predicted: np.ndarray,
) -> np.ndarray:
    """Terms of all `COMBINATION_ESTIMATORS`; DR takes the pseudo-inverse weights.

    Args:
        weight, click: [R].
        replay, slate: [R, P], see `replay_importance` and `slate_importance`.
        expected: [R, P], f_comb's mean CTR of what the policy would show.
        predicted: [R], f_comb's CTR of what was shown.

    Returns:
        float64 [R, E, P, 2], E in the order of `COMBINATION_ESTIMATORS`.
    """
    v, y, q = weight[:, None], click[:, None], predicted[:, None]
    return np.stack([snips(v, y, replay), ips(v, y, slate), dm(v, expected), dr(v, y, slate, expected, q)], 1)


def _terms(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.stack(np.broadcast_arrays(numerator, denominator), -1)
