"""Empirical Bayes: shrunk click counts, as gamma-Poisson posteriors of CTRs relative to that of the ad.

Each part of an ad, a combination or an element, has a click rate of lambda x the CTR of the ad, where lambda
is gamma distributed with mean 1 and variance v. With c clicks where e were expected at lambda = 1, the
posterior mean is (c + 1/v) / (e + 1/v). v is estimated from all ads by the method of moments: if the CTR of
an ad is taken from its own clicks, E[(c - e)^2] = (1 - s) (e + v e^2) for a part that has a share s of the
ad's expected clicks. This is exact if all parts of the ad are equal.
"""

from collections.abc import Iterable

import numpy as np

from model.baselines.additive import ScoreTable
from model.baselines.search import best_combinations
from model.baselines.shown_elements import Shown, Tally, ad_rows, combination_keys, element_rows
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch

_SMALLEST_VARIANCE = 1e-6


class PackageEmpiricalBayes:
    """Scores a combination by its shrunk CTR relative to its ad, which is 1 if it was never shown.

    Args:
        tables: The feature tables of the batches.
    """

    def __init__(self, tables: FeatureTables):
        self._tables = tables

    def fit(self, data: Iterable[Batch]) -> None:
        shown = Shown.combinations(data, self._tables)
        parts = combination_keys(shown.ad, shown.elements)
        self._variance = _prior_variance(shown, parts)
        self._tally = Tally(parts, shown.clicks, _expected_clicks(shown))

    def score_combinations(self, batch: Batch, combinations: np.ndarray) -> np.ndarray:
        rows = element_rows(batch, combinations)
        ad = np.broadcast_to(ad_rows(batch, self._tables)[:, None], rows.shape[:2])
        return _posterior(*self._tally.get(combination_keys(ad, rows)), self._variance)

    def choose(self, batch: Batch) -> np.ndarray:
        """Returns the best combination (see `model.baselines.search.best_combinations`)."""
        return best_combinations(self, batch)


class ElementEmpiricalBayes(ScoreTable):
    """Scores an element by the log of its shrunk relative CTR over all ads that show it."""

    def fit(self, data: Iterable[Batch]) -> None:
        shown = Shown.combinations(data, self._tables)
        expected = _expected_clicks(shown)
        self._scores = np.zeros(self._tables.element_rows)
        for rows in shown.elements.T:
            variance = _prior_variance(shown, combination_keys(shown.ad, rows[:, None]))
            present = rows >= 0
            if present.any():
                tally = Tally(rows[present], shown.clicks[present], expected[present])
                self._scores[tally.keys] = np.log(_posterior(tally.clicks, tally.exposure, variance))


def _expected_clicks(shown: Shown) -> np.ndarray:
    """Returns the clicks expected at the CTR of the ad, float64 [R]."""
    clicks, impressions = Tally(shown.ad, shown.clicks, shown.impressions).get(shown.ad)
    return shown.impressions * clicks / impressions


def _prior_variance(shown: Shown, parts: np.ndarray) -> float:
    """Estimates v for the parts of ads that are given by their keys [R]."""
    expected = _expected_clicks(shown)
    tally = Tally(parts, shown.clicks, expected)
    of_ad, _ = Tally(shown.ad, shown.clicks, expected).get(shown.ad)
    first = np.unique(parts, return_index=True)[1]
    rest = 1 - tally.exposure / np.maximum(of_ad[first], 1e-9)
    excess = (tally.clicks - tally.exposure) ** 2 - rest * tally.exposure
    scale = np.sum(rest * tally.exposure**2)
    return max(excess.sum() / scale, _SMALLEST_VARIANCE) if scale > 0 else _SMALLEST_VARIANCE


def _posterior(clicks: np.ndarray, expected: np.ndarray, variance: float) -> np.ndarray:
    return (clicks + 1 / variance) / (expected + 1 / variance)
