"""What a logged row adds to the sums of an off-policy estimator: every estimator is a ratio of two sums.

Terms are float64 [..., 2], numerator and denominator, of rows on the first axis. Summed over rows, or per
cluster (`estimators.ClusterSums`), their ratio is the estimate. Since the row's weight v multiplies both, a
row of weight v is exactly v equal rows.

All arguments are broadcast against each other. Usual shapes: weight and click [R, 1, 1], propensity
[R, M, 1], probability [R, M, P] for components; the same without the axis M for whole combinations.

Symbols: v weight, y click (0 or 1), p propensity of what was shown, pi the probability with which the policy
under test would have shown it (0 or 1 where it chooses, then also called match), w importance weight, q a
model's predicted CTR.
"""

import math

import numpy as np

COMPONENT_ESTIMATORS = ('snips', 'ips', 'dm', 'dr')
COMBINATION_ESTIMATORS = ('replay', 'pi', 'dm', 'dr')
# Sums of these may be negative, so their intervals cannot be symmetric in the logarithm.
SIGNED = frozenset({'pi', 'dr'})


def importance(probability: np.ndarray, propensity: np.ndarray, clip: float = math.inf) -> np.ndarray:
    """Importance weight of one component's choice, w = min(pi / p, clip).

    Args:
        probability: pi.
        propensity: p, above 0 (`faults` leaves other rows out).
        clip: upper bound; below the largest pi / p it trades variance for a bias towards zero of IPS.
    """
    return np.minimum(probability / propensity, clip)


def replay_importance(
    probability: np.ndarray, propensity: np.ndarray, present: np.ndarray, clip: float = math.inf
) -> np.ndarray:
    """Importance weight of a whole combination, w = min(product over j of pi_j / p_j, clip).

    Of a policy that chooses it is 0 unless the log shows its whole combination: exact replay (Li et al.
    2011), weighted since candidate sets differ in size.

    Args:
        probability: pi_j of each component's shown element, float64 [R, M, P].
        propensity: p_j, [R, M]; the logging policy draws components independently.
        present: bool [R, M], whether the component has candidates.
        clip: upper bound of the product.

    Returns:
        float64 [R, P].
    """
    return np.minimum(_ratios(probability, propensity, present).prod(1), clip)


def slate_importance(probability: np.ndarray, propensity: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Pseudo-inverse weight of a combination, w = 1 - m + sum over j of pi_j / p_j.

    m is the number of present components. Swaminathan et al. 2017 ("Off-policy evaluation for slate
    recommendation"), whose Gamma pseudo-inverse is this where the logging policy draws components
    independently. May be negative. Unbiased where the effects of the elements on the CTR add up.

    Args and returns: as of `replay_importance`.
    """
    return 1.0 + (_ratios(probability, propensity, present) - 1.0).sum(1)


def ips(weight: np.ndarray, click: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Inverse propensity scoring, sum(v w y) / sum(v) (Horvitz and Thompson 1952).

    With `slate_importance` it is the pseudo-inverse estimator (PI).
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


def _ratios(probability: np.ndarray, propensity: np.ndarray, present: np.ndarray) -> np.ndarray:
    """pi_j / p_j, and 1 where a component is absent, float64 [R, M, P]."""
    one = np.ones(probability.shape)
    return np.divide(probability, propensity[..., None], out=one, where=present[..., None])


def _terms(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.stack(np.broadcast_arrays(numerator, denominator), -1)
