"""Lifts of policies and their differences, over repeated splits of impressions and over resampled tests."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.common.comparison import bounds
from benchmarks.common.statistics import (
    Interval,
    bootstrap_lifts,
    mean_interval,
    paired_difference,
    percentile_interval,
)

ByPolicy = Mapping[str, np.ndarray]


def added(parts: Sequence[ByPolicy]) -> dict[str, np.ndarray]:
    """Sums the arrays of each policy over the parts."""
    return {name: np.sum([part[name] for part in parts], axis=0) for name in parts[0]}


class Repeated:
    """Expected clicks of policies in repeated splits.

    Args:
        clicks: The expected clicks of each test per split and policy, float64 [tests].
        base: The expected clicks of uniform choice per split, float64 [tests].
    """

    def __init__(self, clicks: Sequence[ByPolicy], base: Sequence[np.ndarray]):
        pairs = list(zip(clicks, base, strict=True))
        self._lifts = {
            name: np.array([one[name].sum() / uniform.sum() - 1 for one, uniform in pairs])
            for name in clicks[0]
        }
        self._resampled = Resampled(added(clicks), np.sum(base, axis=0))

    def rows(self) -> list[dict]:
        """Each policy's mean lift with bounds over splits, `low` and `high`, and over tests, `tests_*`."""
        found = []
        for name, lifts in self._lifts.items():
            over_splits, over_tests = mean_interval(lifts), self._resampled.lift(name)
            row = {'policy': name, 'lift': over_splits.value, **bounds(over_splits)}
            found.append(row | bounds(over_tests, 'tests_'))
        return found

    def differences(self, policy: str) -> list[dict]:
        """The lead of `policy` over each other one: as `rows`, with p of the paired t test over splits."""
        found = []
        for peer in self._lifts:
            if peer != policy:
                over_splits = paired_difference(self._lifts[policy], self._lifts[peer])
                over_tests = self._resampled.difference(policy, peer)
                row = {
                    'policy': policy,
                    'peer': peer,
                    'difference': over_splits.value,
                    'p': over_splits.p,
                }
                found.append(row | bounds(over_splits) | bounds(over_tests, 'tests_'))
        return found


class Resampled:
    """Expected clicks of policies with intervals that resample tests.

    Args:
        clicks: The expected clicks of each test per policy, float64 [tests].
        base: The expected clicks of uniform choice, float64 [tests].
    """

    def __init__(self, clicks: ByPolicy, base: np.ndarray):
        lifts = bootstrap_lifts(np.stack(list(clicks.values())), base)
        self._replicates = dict(zip(clicks, lifts, strict=True))
        self._values = {name: values.sum() / base.sum() - 1 for name, values in clicks.items()}

    def lift(self, policy: str) -> Interval:
        """The lift of a policy with its interval."""
        return percentile_interval(self._values[policy], self._replicates[policy])

    def difference(self, policy: str, peer: str) -> Interval:
        """The difference between the lifts of two policies with its interval."""
        value = self._values[policy] - self._values[peer]
        return percentile_interval(value, self._replicates[policy] - self._replicates[peer])

    def rows(self) -> list[dict]:
        """Each policy's lift with its bounds `low` and `high`."""
        found = {name: self.lift(name) for name in self._values}
        return [{'policy': name, 'lift': lift.value, **bounds(lift)} for name, lift in found.items()]

    def differences(self, policy: str) -> list[dict]:
        """The lead of `policy` over each other one with its bounds `low` and `high`."""
        found = {peer: self.difference(policy, peer) for peer in self._values if peer != policy}
        return [
            {'policy': policy, 'peer': peer, 'difference': ahead.value, **bounds(ahead)}
            for peer, ahead in found.items()
        ]
