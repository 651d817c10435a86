"""What the clicks of all impressions leave unexplained while effects are being fitted."""

import numpy as np
from scipy.special import expit


class Residuals:
    """The residuals of R impressions at the current effects.

    Args:
        click, weight: The click (0 or 1) and the weight of each impression, float [R].
        logit: The logit of a click without the effects that are being fitted, float64 [R].

    Attributes:
        logit: The logit at the current effects, float64 [R].
        value: weight x (click - predicted CTR), float64 [R].
        information: weight x p (1 - p), float64 [R].
    """

    def __init__(self, click: np.ndarray, weight: np.ndarray, logit: np.ndarray):
        self.logit = logit.copy()
        self._click, self._weight = click, weight
        self.linearise()

    def linearise(self) -> None:
        """Computes the residuals and their information anew at the current logits."""
        ctr = expit(self.logit)
        self.value = self._weight * (self._click - ctr)
        self.information = self._weight * ctr * (1 - ctr)

    def add(self, change: np.ndarray) -> None:
        """Adds a change of the logits, float64 [R]; the residuals follow to first order."""
        self.logit += change
        self.value -= self.information * change
