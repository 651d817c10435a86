"""Figures of policies over repetitions, as rows of tables and of JSON."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.common.genco_policies import GENCO
from benchmarks.common.statistics import Difference, Interval, mean_interval, paired_difference

# The results of each repetition, by policy and by figure.
Repetitions = Sequence[Mapping[str, Mapping[str, float]]]


def policy_rows(repetitions: Repetitions, main: str) -> list[dict]:
    """Summarises the figures of each policy in a row.

    Args:
        repetitions: The results of each repetition.
        main: The figure whose bounds are named `low` and `high`.

    Returns:
        One row per policy with the mean of every figure and the bounds of its 95 % interval over repetitions,
        `<figure>_low` and `<figure>_high`.
    """
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
    return {name: interval.value, **bounds(interval, prefix)}


def bounds(interval: Interval | Difference, prefix: str = '') -> dict[str, float]:
    """The bounds of a figure as `<prefix>low` and `<prefix>high`."""
    return {f'{prefix}low': interval.low, f'{prefix}high': interval.high}


def differences(repetitions: Repetitions, figure: str, policy: str = GENCO) -> list[dict]:
    """The lead of `policy` over each other policy in a figure, paired by repetition."""
    ours = _values(repetitions, policy, figure)
    return [
        {'policy': policy, 'peer': peer}
        | paired_difference(ours, _values(repetitions, peer, figure))._asdict()
        for peer in repetitions[0]
        if peer != policy
    ]


def _values(repetitions: Repetitions, policy: str, figure: str) -> np.ndarray:
    return np.array([repetition[policy][figure] for repetition in repetitions])
