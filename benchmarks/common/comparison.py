"""Figures of policies over repetitions, as rows for tables and JSON."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.common.genco_policies import GENCO
from benchmarks.common.statistics import Difference, Interval, mean_interval, paired_difference

# What each repetition measured: by policy, by figure.
Repetitions = Sequence[Mapping[str, Mapping[str, float]]]


def policy_rows(repetitions: Repetitions, main: str) -> list[dict]:
    """A row per policy: mean of every figure with `<figure>_low` and `<figure>_high`, 95 % intervals over
    repetitions; the bounds of the figure `main` are named `low` and `high`."""
    rows = []
    for policy, figures in repetitions[0].items():
        row: dict = {'policy': policy}
        for name in figures:
            interval = mean_interval(_values(repetitions, policy, name))
            row |= interval_row(interval, name, '' if name == main else f'{name}_')
        rows.append(row)
    return rows


def interval_row(interval: Interval | Difference, name: str = 'lift', prefix: str = '') -> dict[str, float]:
    """A figure as `name`, and its bounds as `<prefix>low` and `<prefix>high`."""
    return {name: interval.value, f'{prefix}low': interval.low, f'{prefix}high': interval.high}


def differences(repetitions: Repetitions, figure: str, policy: str = GENCO) -> list[dict]:
    """How far `policy` is ahead of each other one in a figure, paired by repetition."""
    ours = _values(repetitions, policy, figure)
    return [
        {'policy': policy, 'peer': peer}
        | paired_difference(ours, _values(repetitions, peer, figure))._asdict()
        for peer in repetitions[0]
        if peer != policy
    ]


def _values(repetitions: Repetitions, policy: str, figure: str) -> np.ndarray:
    return np.array([repetition[policy][figure] for repetition in repetitions])
