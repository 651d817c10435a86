"""What policies know of elements that were never shown, against elements with about 50 impressions."""

from collections.abc import Sequence

import numpy as np

from benchmarks.common.comparison import Repetitions, interval_row
from benchmarks.common.simulated import Twins
from benchmarks.common.statistics import mean_interval
from model.baselines import Policy


def twin_lifts(twins: Twins, policy: Policy) -> dict[str, float]:
    """The lift of a policy over uniform choice in each twin, `lift_shown` and `lift_new`."""
    asked = {'lift_shown': twins.shown, 'lift_new': twins.new}
    return {name: requests.figures(requests.choice_of(policy))['lift'] for name, requests in asked.items()}


def new_element_rows(worlds: Repetitions, impressions: Sequence[float]) -> list[dict]:
    """Summarises the lifts of each policy.

    Args:
        worlds: The lifts in each world, by policy; empty in worlds without twin requests.
        impressions: The mean number of impressions of the candidates that were shown, by world.

    Returns:
        One row per policy with `impressions`, and the means of `lift_shown`, `lift_new` and `share`, the ratio
        of the second to the first, with the bounds of their 95 % intervals over worlds. The share is null
        where the interval of `lift_shown` holds zero. Without twin requests in each world there are no rows.
    """
    if not all(worlds):
        return []
    rows = []
    for policy in worlds[0]:
        shown, new = (
            np.array([world[policy][name] for world in worlds]) for name in ('lift_shown', 'lift_new')
        )
        row = {'policy': policy, 'impressions': float(np.mean(impressions))}
        for name, values in (('lift_shown', shown), ('lift_new', new)):
            row |= interval_row(mean_interval(values), name, f'{name}_')
        means_something = mean_interval(shown).low > 0
        share = interval_row(mean_interval(new / shown), 'share', 'share_') if means_something else _NO_SHARE
        rows.append(row | share)
    return rows


_NO_SHARE = dict.fromkeys(('share', 'share_low', 'share_high'))
