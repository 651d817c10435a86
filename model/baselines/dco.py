"""Dynamic creative optimisation after the auction: successive elimination on observed CTRs."""

from collections.abc import Iterable

import numpy as np

from model.baselines.additive import AdditivePolicy, ad_of_elements
from model.baselines.shown_elements import Shown, Tally, ad_rows, combination_keys
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch

_Z = 1.96
# Larger in magnitude than any sum of logs of CTRs, so that eliminated elements rank below all others.
_ELIMINATED = -1e3
_SMALLEST_CTR = 1e-6


class DynamicCreativeOptimization(AdditivePolicy):
    """Eliminates, per ad and component, elements whose upper CTR bound is below the lower bound of another.

    The bounds are those of the Wilson interval at 95 %. The score is the log of the observed CTR, and far
    lower for an eliminated element. An element that was not shown yet has the CTR of its ad and is not
    eliminated. Ads share no information.

    Args:
        tables: The feature tables of the batches.

    Reference: Koren et al. 2020, as GenCO's Table 2 uses it.
    """

    def __init__(self, tables: FeatureTables):
        self._tables = tables

    def fit(self, data: Iterable[Batch]) -> None:
        shown = Shown.combinations(data, self._tables)
        self._ads = Tally(shown.ad, shown.clicks, shown.impressions)
        ad = np.repeat(shown.ad, shown.elements.shape[1])
        rows = shown.elements.ravel()
        each = np.repeat([shown.clicks, shown.impressions], shown.elements.shape[1], axis=1)
        self._elements = Tally(combination_keys(ad, rows[:, None]), *each)

    def element_scores(self, batch: Batch) -> np.ndarray:
        ad = ad_rows(batch, self._tables)[ad_of_elements(batch)]
        rows = np.asarray(batch[keys.ELEMENTS])
        clicks, impressions = self._elements.get(combination_keys(ad, rows[:, None]))
        ad_clicks, ad_impressions = self._ads.get(ad)
        own = impressions > 0
        ctr = np.where(own, clicks, ad_clicks) / np.maximum(np.where(own, impressions, ad_impressions), 1)
        low, high = _wilson(clicks, impressions)
        counts = np.asarray(batch[keys.COUNTS]).ravel()
        segment = np.repeat(np.arange(len(counts)), counts)
        best_low = np.zeros(len(counts))
        np.maximum.at(best_low, segment, low)
        out = high < best_low[segment]
        return np.log(np.maximum(ctr, _SMALLEST_CTR)) + np.where(out, _ELIMINATED, 0.0)


def _wilson(clicks: np.ndarray, impressions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the bounds of the CTRs, which are 0 and 1 where there is no impression."""
    n = np.maximum(impressions, 1e-9)
    ctr, extra = clicks / n, _Z**2 / n
    middle, reach = ctr + extra / 2, np.sqrt(extra * (ctr * (1 - ctr) + extra / 4))
    return (middle - reach) / (1 + extra), (middle + reach) / (1 + extra)
