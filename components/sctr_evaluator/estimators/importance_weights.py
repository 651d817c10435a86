"""The names of the estimators, and their importance weights; pure numpy.

Every estimator is a ratio of two sums over rows, whose terms `sums.estimator_sums.row_terms` computes. Let v
be the weight of a row, y its click, w an importance weight, q the CTR that a model predicts for what was
shown, and q_pi the mean CTR that it predicts for what the policy would show:

    snips, replay   sum(v w y) / sum(v w)                    Swaminathan and Joachims 2015; with w = n x match
                                                             the calibrated sCTR of GenCO, Algorithm 1
    ips, pi         sum(v w y) / sum(v)                      Horvitz and Thompson 1952; pi has slate weights
    dm              sum(v q_pi) / sum(v)                     the direct method
    dr              sum(v (q_pi + w (y - q))) / sum(v)       Dudik, Langford and Li 2011

Since v multiplies the terms of both sums, a row of weight v is equivalent to v equal rows. p is the
propensity of what was shown, and pi the probability with which the policy under test would have shown it. For
a policy that chooses without drawing, pi is 0 or 1 and is also called the match.
"""

import math

import numpy as np

COMPONENT_ESTIMATORS = ('snips', 'ips', 'dm', 'dr')
COMBINATION_ESTIMATORS = ('replay', 'pi', 'dm', 'dr')
# The sums of these may be negative, so their intervals cannot be symmetric in the logarithm.
SIGNED = frozenset({'pi', 'dr'})


def importance(probability: np.ndarray, propensity: np.ndarray, clip: float = math.inf) -> np.ndarray:
    """The importance weight of one component's choice, w = min(pi / p, clip).

    Args:
        probability: The policy's probability pi of the shown element.
        propensity: The propensity p of the shown element, above 0 (`rows.invalid_rows` leaves out other
            rows).
        clip: The upper bound of w. A bound below the largest pi / p lowers the variance and biases IPS
            towards zero.
    """
    return np.minimum(probability / propensity, clip)


def replay_importance(
    probability: np.ndarray, propensity: np.ndarray, present: np.ndarray, clip: float = math.inf
) -> np.ndarray:
    """The importance weight of a whole combination, w = min(product over j of pi_j / p_j, clip).

    For a policy that chooses without drawing, it is 0 unless the log shows the policy's whole combination.
    This is exact replay (Li et al. 2011), weighted because candidate lists differ in length.

    Args:
        probability: The policy's probability pi_j of the shown element of each component, float64 [R, M, P].
        propensity: The propensities p_j, [R, M]; the logging policy draws the components independently.
        present: Whether the component has candidates, bool [R, M].
        clip: The upper bound of the product.

    Returns:
        The weights, float64 [R, P].
    """
    return np.minimum(_ratios(probability, propensity, present).prod(1), clip)


def slate_importance(probability: np.ndarray, propensity: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The pseudo-inverse weight of a combination, w = 1 - m + sum over j of pi_j / p_j.

    m is the number of components that are present. The pseudo-inverse of Gamma in Swaminathan et al. 2017
    ("Off-policy evaluation for slate recommendation") has this form if the logging policy draws the
    components independently. The weight may be negative. The estimate is unbiased if the effects of the
    elements on the CTR are additive.

    The arguments and the result are as in `replay_importance`.
    """
    return 1.0 + (_ratios(probability, propensity, present) - 1.0).sum(1)


def _ratios(probability: np.ndarray, propensity: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The ratios pi_j / p_j, float64 [R, M, P]; 1 where a component is absent."""
    one = np.ones(probability.shape)
    return np.divide(probability, propensity[..., None], out=one, where=present[..., None])
