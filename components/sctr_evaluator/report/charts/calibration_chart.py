"""A chart of the observed against the predicted CTR, in groups of about equally many impressions."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from components.sctr_evaluator.report.charts.shapes import Dot, Drawing, Line, Shape, Text
from components.sctr_evaluator.report.charts.ticks import nice_step

_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 300, 66, 24, 10, 46
_WIDEST = 460
_MOST_TICKS = 5
_ERRORS = 1.96


class _Scale(NamedTuple):
    """Converts CTRs to pixels; both axes range from 0 to `largest`."""

    width: float
    largest: float

    def x(self, ctr: float) -> float:
        return _LEFT + min(ctr / self.largest, 1.0) * (self.width - _LEFT - _RIGHT)

    def y(self, ctr: float) -> float:
        return _HEIGHT - _BOTTOM - min(ctr / self.largest, 1.0) * (_HEIGHT - _TOP - _BOTTOM)


def calibration_chart(groups: Sequence[dict], impressions: float, width: float) -> Drawing:
    """Draws a dot per group with the 95 % interval that independent impressions would have.

    A dot lies on the dashed diagonal if the observed CTR equals the predicted CTR.

    Args:
        groups: The groups of `Calibration.get`, one or more.
        impressions: The number of impressions of all groups together.
        width: The width in pixels, of which at most 460 are used.
    """
    width = min(width, _WIDEST)
    ends = [_ends(group, impressions) for group in groups]
    largest = max([1e-6, *(high for _, high in ends), *(group['predicted_ctr'] for group in groups)])
    scale = _Scale(width, largest * 1.05)
    shapes: list[Shape] = _axes(scale)
    for group, (low, high) in zip(groups, ends, strict=True):
        x = scale.x(group['predicted_ctr'])
        shapes += [
            Line(x, scale.y(low), x, scale.y(high), 'accent', 1.5),
            Dot(x, scale.y(group['observed_ctr']), 4),
        ]
    return Drawing('Observed against predicted CTR', width, _HEIGHT, tuple(shapes))


def _ends(group: dict, impressions: float) -> tuple[float, float]:
    """Computes Wilson's interval of the observed CTR of a group."""
    n, p = max(group['share'] * impressions, 1.0), group['observed_ctr']
    z2 = _ERRORS**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _ERRORS * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _axes(scale: _Scale) -> list[Shape]:
    end = scale.largest
    shapes: list[Shape] = [Line(scale.x(0), scale.y(0), scale.x(end), scale.y(end), 'muted', dashed=True)]
    step = nice_step(end, _MOST_TICKS)
    for tick in range(math.floor(end / step) + 1):
        ctr = tick * step
        x, y, text = scale.x(ctr), scale.y(ctr), f'{round(ctr * 100, 6):g} %'
        shapes += [
            Line(_LEFT, y, scale.x(end), y),
            Text(_LEFT - 6, y + 4, text, 'muted', 'end'),
            Text(x, scale.y(0) + 17, text, 'muted', 'middle'),
        ]
    return [
        *shapes,
        Text((_LEFT + scale.x(end)) / 2, _HEIGHT - 6, 'predicted CTR', 'muted', 'middle'),
        Text(12, scale.y(end / 2) + 40, 'observed CTR', 'muted', upright=True),
    ]
