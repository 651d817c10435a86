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
    """Sums over rows in narrow buckets of the predicted logit; memory does not depend on the rows.

    Attributes:
        buckets: float64 [3, 3000], per bucket of width 0.01 from -15 to 15 the sums of weight, of weight
            x click and of weight x predicted CTR; logits beyond are put into the outer buckets.
        log_loss: sum of weight x cross-entropy, in nats.
    """

    buckets: np.ndarray
    log_loss: float

    @classmethod
    def of(cls, ctr: np.ndarray, click: np.ndarray, weight: np.ndarray) -> Self:
        """Sums rows: predicted `ctr`, `click` (0 or 1) and `weight`, float64 [R] each."""
        bounded = np.clip(ctr, _SMALLEST_CTR, 1 - _SMALLEST_CTR)
        logit = np.log(bounded) - np.log1p(-bounded)
        bucket = np.clip(((logit + _LOGIT_BOUND) / _WIDTH).astype(np.int64), 0, _BUCKETS - 1)
        sums = [np.bincount(bucket, values, _BUCKETS) for values in (weight, weight * click, weight * ctr)]
        loss = -np.where(click > 0, np.log(bounded), np.log1p(-bounded))
        return cls(np.stack(sums), float(weight @ loss))

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """Sums of one or more parts."""
        parts = list(parts)
        return cls(reduce(np.add, [part.buckets for part in parts]), sum(part.log_loss for part in parts))

    def get(self) -> dict:
        """The figures; `None` and a `problem` where one is not known.

        `auc` counts a click and a non-click of one bucket as a tie. `expected_calibration_error` is the
        mean of |predicted - observed| over 20 groups of about equal weight along the predicted CTR,
        which are in `groups` as (share of the weight, predicted, observed).
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
        """Sums of buckets, float64 [3, G], G at most 20; a bucket is in the group of its middle."""
        weight = self.buckets[0]
        middle = (np.cumsum(weight) - weight / 2) / weight.sum()
        group = np.minimum((middle * _GROUPS).astype(np.int64), _GROUPS - 1)
        sums = np.stack([np.bincount(group, values, _GROUPS) for values in self.buckets])
        return sums[:, sums[0] > 0]
