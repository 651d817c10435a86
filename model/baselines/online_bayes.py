"""Additive logistic model that shrinks each coordinate according to the data observed for it."""

import math
from collections.abc import Iterable

import numpy as np

from model.baselines.additive import ScoreTable
from model.baselines.shown_elements import Shown
from model.features.packed_batch import Batch

ELEMENT_PRIOR_STD = 0.12
AD_PRIOR_STD = 0.6


class OnlineBayes(ScoreTable):
    """Fits logit = intercept + ad + sum of elements in one chronological pass, one impression at a time.

    Each impression with predicted CTR p and click y updates the ad and the elements that it showed:

        precision += p (1 - p)
        bias      -= (p - y) / precision,     precision_0 = 1 / prior variance

    A row that stands for several impressions without a click is one step with their sums. Element biases are
    shared by all ads. The priors are N(0, 0.12^2) for elements and N(0, 0.6^2) for ads, in logits.
    """

    def fit(self, data: Iterable[Batch]) -> None:
        shown = Shown.rows(data, self._tables)
        elements, ads = self._tables.element_rows, self._tables.context_rows
        variances = np.repeat([ELEMENT_PRIOR_STD**2, AD_PRIOR_STD**2], [elements, ads])
        coordinates = np.concatenate([shown.elements, elements + shown.ad[:, None]], 1)
        ctr = shown.clicks.sum() / shown.impressions.sum()
        biases = _learn(coordinates, shown.clicks, shown.impressions, 1 / variances, np.log(ctr / (1 - ctr)))
        self._scores = biases[:elements]


def _learn(
    coordinates: np.ndarray,
    clicks: np.ndarray,
    impressions: np.ndarray,
    precision: np.ndarray,
    intercept: float,
) -> np.ndarray:
    """Returns the biases after one pass.

    It works on lists because Python reads their items several times faster than those of arrays.
    """
    bias, precision = [0.0] * len(precision), precision.tolist()
    for row, clicked, shown in zip(coordinates.tolist(), clicks.tolist(), impressions.tolist(), strict=True):
        present = [place for place in row if place >= 0]
        ctr = 1 / (1 + math.exp(-intercept - sum([bias[place] for place in present])))
        residual, information = shown * ctr - clicked, shown * ctr * (1 - ctr)
        for place in present:
            precision[place] += information
            bias[place] -= residual / precision[place]
    return np.array(bias)
