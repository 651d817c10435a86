"""Forest plots: each row shows a figure, with a dot for its value and a whisker for its interval."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from components.sctr_evaluator.report.charts.shapes import (
    Dot,
    Drawing,
    Ink,
    Line,
    Shape,
    Text,
    fitted,
    text_width,
)
from components.sctr_evaluator.report.charts.ticks import nice_step
from components.sctr_evaluator.results.blessing import percent

_LABEL, _FIGURE, _GAP = 175, 220, 12
_NARROW = 520
_ROW, _TALL_ROW, _ABOVE, _AXIS = 26, 44, 21, 24
# Intervals that reach farther than this multiple of the median reach are cut off: they would leave the others
# no room.
_FARTHEST = 2.5
_MARGIN = 0.03
_BEYOND = 10.0
_MOST_TICKS, _FEW_TICKS = 6, 4


class Row(NamedTuple):
    """A row of a forest plot.

    Attributes:
        label: The text on the left of the row, or above the whisker in a narrow plot.
        estimate: The figure, {value, low, high, problem}; None makes the label a heading of the rows below.
        hollow: Whether the dot is a ring.
        bold: Whether the label is bold.
    """

    label: str
    estimate: dict | None = None
    hollow: bool = False
    bold: bool = False


def forest(label: str, rows: Sequence[Row], width: float) -> Drawing:
    """Draws a plot of lifts around zero.

    An interval above zero is green, one below zero is red, and one that contains zero or is not known is
    grey.

    Args:
        label: A description of what the plot shows.
        rows: The rows from top to bottom.
        width: The width in pixels; in a narrow plot, labels are above the whiskers, not beside them.
    """
    narrow = width < _NARROW
    left, right = (0, width) if narrow else (_LABEL + _GAP, width - _FIGURE - _GAP)
    axis = _axis(rows, left + 8, right - 8, _FEW_TICKS if narrow else _MOST_TICKS)
    draw = _narrow_row if narrow else _wide_row
    shapes: list[Shape] = []
    y = 0.0
    for row in rows:
        shapes += draw(row, axis, y, width)
        y += _TALL_ROW if narrow and row.estimate else _ROW
    return Drawing(label, width, y + _AXIS, (*shapes, *axis.labels(y + 16, width)))


def interval_text(estimate: dict) -> str:
    """Formats a lift as '+20.0 % (+9.9 to +31.0)', or as much of it as is known."""
    if estimate['value'] is None:
        return 'not known'
    if estimate['low'] is None:
        return f'{_short(estimate["value"])} % (no interval)'
    return f'{_short(estimate["value"])} % ({_short(estimate["low"])} to {_short(estimate["high"])})'


def ink_of(estimate: dict) -> Ink:
    """Returns the colour of an interval: 'good' (green), 'bad' (red) or 'muted' (grey)."""
    if estimate['low'] is None or estimate['low'] <= 0 <= estimate['high']:
        return 'muted'
    return 'good' if estimate['low'] > 0 else 'bad'


def _short(lift: float) -> str:
    """Formats a lift in percent; an extreme one, which few clicks may give, is shortened to fit the plot."""
    if abs(lift) < _BEYOND:
        return percent(lift)
    return f'{"over +" if lift > 0 else "below -"}{_BEYOND * 100:g}'


class _Axis(NamedTuple):
    """Converts lifts to pixels."""

    left: float
    right: float
    low: float
    high: float
    ticks: tuple[float, ...]

    def x(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def grid(self, top: float, bottom: float) -> list[Shape]:
        return [
            Line(self.x(tick), top, self.x(tick), bottom, 'line' if tick else 'muted', 1.0 if tick else 1.5)
            for tick in self.ticks
        ]

    def labels(self, y: float, width: float) -> list[Shape]:
        """Draws the labels of the ticks, inside the drawing even if a tick is at its edge."""
        shapes: list[Shape] = []
        for tick in self.ticks:
            text = f'{tick * 100:+g} %' if tick else '0'
            half = text_width(text) / 2
            shapes.append(Text(min(max(self.x(tick), half), width - half), y, text, 'muted', 'middle'))
        return shapes


def _axis(rows: Sequence[Row], left: float, right: float, most_ticks: int) -> _Axis:
    low, high = _bounds(rows)
    step = nice_step(high - low, most_ticks)
    # Rounded, because 3 x 0.1 is slightly more than 0.3 in floating point.
    ticks = tuple(round(n * step, 9) for n in range(math.ceil(low / step), math.floor(high / step) + 1))
    return _Axis(left, right, low, high, ticks)


def _bounds(rows: Sequence[Row]) -> tuple[float, float]:
    """Finds the bounds of the axis, which shows zero, all values and all but the farthest-reaching intervals."""
    known = [row.estimate for row in rows if row.estimate and row.estimate['value'] is not None]
    values = [estimate['value'] for estimate in known] + [0.0]
    intervals = [(e['low'], e['high']) for e in known if e['low'] is not None]
    usual = statistics.median(max(-low, high) for low, high in intervals) if intervals else 0.0
    farthest = max(_FARTHEST * usual, *map(abs, values)) or 0.1
    inside = values + [min(max(end, -farthest), farthest) for ends in intervals for end in ends]
    low, high = min(inside), max(inside)
    margin = _MARGIN * ((high - low) or farthest)
    return low - margin, high + margin


def _wide_row(row: Row, axis: _Axis, y: float, width: float) -> list[Shape]:
    if row.estimate is None:
        return [Text(0, y + 18, fitted(row.label, width), bold=True)]
    return [
        *axis.grid(y, y + _ROW),
        Text(0, y + 18, fitted(row.label, _LABEL), bold=row.bold),
        *_whisker(row.estimate, row.hollow, axis, y + 13),
        Text(width, y + 18, interval_text(row.estimate), ink_of(row.estimate), 'end'),
    ]


def _narrow_row(row: Row, axis: _Axis, y: float, width: float) -> list[Shape]:
    if row.estimate is None:
        return [Text(0, y + 18, fitted(row.label, width), bold=True)]
    figure = interval_text(row.estimate)
    return [
        *axis.grid(y + _ABOVE, y + _TALL_ROW),
        Text(0, y + 16, fitted(row.label, width - text_width(figure) - _GAP), bold=row.bold),
        Text(width, y + 16, figure, ink_of(row.estimate), 'end'),
        *_whisker(row.estimate, row.hollow, axis, y + 32),
    ]


def _whisker(estimate: dict, hollow: bool, axis: _Axis, y: float) -> list[Shape]:
    ink = ink_of(estimate)
    if estimate['value'] is None:
        return []
    shapes: list[Shape] = []
    if estimate['low'] is not None:
        low, high = axis.x(estimate['low']), axis.x(estimate['high'])
        shapes.append(Line(low, y, high, y, ink, 2.5))
        shapes += _arrow(low, y, ink, 5) if estimate['low'] < axis.low else []
        shapes += _arrow(high, y, ink, -5) if estimate['high'] > axis.high else []
    return [*shapes, Dot(axis.x(estimate['value']), y, 5, ink, hollow)]


def _arrow(x: float, y: float, ink: Ink, back: float) -> list[Shape]:
    """Draws the arrowhead of an interval that extends beyond the plot."""
    return [Line(x, y, x + back, y - 5, ink, 2), Line(x, y, x + back, y + 5, ink, 2)]
