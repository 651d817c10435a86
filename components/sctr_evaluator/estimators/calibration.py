"""How well predicted CTRs agree with clicks: log loss, AUC, predicted over observed, ECE; mergeable."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Self

import numpy as np

_LOGIT_BOUND = 15.0
_WIDTH = 0.01
_BUCKETS = round(2 * _LOGIT_BOUND / _WIDTH)
_GROUPS = 20
_SMALLEST_CTR = 1e-7


@dataclass(frozen=True)
class Calibration:
    """Sums over rows in narrow buckets of the predicted logit; memory does not depend on the number of rows.

    Attributes:
        buckets: The sums of weight, of weight x click and of weight x predicted CTR in each bucket, float64
            [3, 3000]. The buckets are 0.01 wide and run from -15 to 15; logits beyond that are in the
            outermost buckets.
        log_loss: The sum of weight x cross-entropy, in nats.
    """

    buckets: np.ndarray
    log_loss: float

    @classmethod
    def of(cls, ctr: np.ndarray, click: np.ndarray, weight: np.ndarray) -> Self:
        """Sums rows with the predicted `ctr`, the `click` (0 or 1) and the `weight`, each float64 [R]."""
        bounded = np.clip(ctr, _SMALLEST_CTR, 1 - _SMALLEST_CTR)
        logit = np.log(bounded) - np.log1p(-bounded)
        bucket = np.clip(((logit + _LOGIT_BOUND) / _WIDTH).astype(np.int64), 0, _BUCKETS - 1)
        sums = [np.bincount(bucket, values, _BUCKETS) for values in (weight, weight * click, weight * ctr)]
        loss = -np.where(click > 0, np.log(bounded), np.log1p(-bounded))
        return cls(np.stack(sums), float(weight @ loss))

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """The sums of one or more parts together."""
        parts = list(parts)
        return cls(reduce(np.add, [part.buckets for part in parts]), sum(part.log_loss for part in parts))

    def get(self) -> dict:
        """The figures; one that is not known is `None`, and `problem` says why.

        `auc` counts a click and a non-click in the same bucket as a tie. `expected_calibration_error` is the
        mean of |predicted - observed| over 20 groups of about equal weight, formed in the order of the
        predicted CTR; `groups` gives the share of the weight, the predicted CTR and the observed CTR of each.
        """
        weight, clicks, predicted = self.buckets
        total, observed = weight.sum(), clicks.sum()
        if total == 0:
            return {'problem': 'no row has a weight'}
        groups = self._groups()
        shares = groups[0] / total
        means = groups[1:] / groups[0]
        missing = {0: 'no click', total: 'nothing but clicks'}.get(observed)
        return {
            'log_loss': self.log_loss / total,
            'auc': None if missing else self._auc(),
            'predicted_ctr': predicted.sum() / total,
            'observed_ctr': observed / total,
            'predicted_over_observed': predicted.sum() / observed if observed else None,
            'expected_calibration_error': float(shares @ np.abs(means[1] - means[0])),
            'groups': [
                {'share': share, 'predicted_ctr': p, 'observed_ctr': y} for share, y, p in zip(shares, *means)
            ],
            'problem': missing,
        }

    def _auc(self) -> float:
        weight, clicks, _ = self.buckets
        others = weight - clicks
        below = np.cumsum(others) - others
        return float(clicks @ (below + others / 2) / (clicks.sum() * others.sum()))

    def _groups(self) -> np.ndarray:
        """The sums of the buckets of each group, float64 [3, G], G at most 20.

        A bucket belongs to the group that contains the middle of its weight.
        """
        weight = self.buckets[0]
        middle = (np.cumsum(weight) - weight / 2) / weight.sum()
        group = np.minimum((middle * _GROUPS).astype(np.int64), _GROUPS - 1)
        sums = np.stack([np.bincount(group, values, _GROUPS) for values in self.buckets])
        return sums[:, sums[0] > 0]
