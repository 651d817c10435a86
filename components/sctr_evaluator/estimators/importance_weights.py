"""The estimators' names, and the importance weights on which they rest; pure numpy.

Every estimator is a ratio of two sums over rows, whose terms `sums.estimator_sums.row_terms` computes. With v
the weight of a row, y its click, w an importance weight, q a model's predicted CTR of what was shown and q_pi
its mean CTR of what the policy would show:

    snips, replay   sum(v w y) / sum(v w)                    Swaminathan and Joachims 2015; with w = n x match
                                                             the calibrated sCTR of GenCO, Algorithm 1
    ips, pi         sum(v w y) / sum(v)                      Horvitz and Thompson 1952; pi has slate weights
    dm              sum(v q_pi) / sum(v)                     the direct method
    dr              sum(v (q_pi + w (y - q))) / sum(v)       Dudik, Langford and Li 2011

Since v multiplies both sums, a row of weight v is exactly v equal rows. p is the propensity of what was
shown, pi the probability with which the policy under test would have shown it (0 or 1 where it chooses, then
also called match).
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
        propensity: p, above 0 (`rows.invalid_rows` leaves other rows out).
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


def _ratios(probability: np.ndarray, propensity: np.ndarray, present: np.ndarray) -> np.ndarray:
    """pi_j / p_j, and 1 where a component is absent, float64 [R, M, P]."""
    one = np.ones(probability.shape)
    return np.divide(probability, propensity[..., None], out=one, where=present[..., None])
