"""Figures with their intervals as a chart in a single self-contained HTML file."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 900, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 30, 50
COLOURS = (
    '#1b6ca8', '#d1495b', '#2a9d5c', '#8d5a97', '#e08e0b', '#5c677d',
    '#00b4a0', '#a44a3f', '#9bb01f', '#e07bb5', '#3d3d3d', '#7fb3e6',
)  # fmt: skip
_STEPS = 5
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><title>{title}</title></head>
<body style="font-family: sans-serif"><h1 style="font-size: 18px">{title}</h1>
<svg width="{width}" height="{height}" font-size="13">
{body}
</svg></body></html>
"""


class Point(NamedTuple):
    """A figure and the bounds of its interval, as fractions."""

    value: float
    low: float
    high: float


def chart(title: str, x_label: str, categories: Sequence[str], series: Mapping[str, Sequence[Point]]) -> str:
    """An HTML page with a dot and a whisker per series and category, in percent.

    Args:
        title: The title of the page.
        x_label: The label of the horizontal axis.
        categories: The categories from left to right.
        series: The points of each series by name, one per category; the first series is drawn bold.
    """
    top = max(point.high for points in series.values() for point in points)
    bottom = min(0.0, *(point.low for points in series.values() for point in points))
    ticks = round_ticks(bottom, top)
    scale = _Scale(len(categories), ticks[0], ticks[-1])
    parts = [*_grid(scale, ticks), *_categories(scale, categories, x_label)]
    for number, (name, points) in enumerate(series.items()):
        parts += _points(scale, number, len(series), points)
        parts.append(_legend(number, name))
    return page(title, parts)


def page(title: str, parts: Sequence[str]) -> str:
    """An HTML page with an SVG image of `WIDTH` by `HEIGHT` pixels, made of the given SVG elements."""
    return _PAGE.format(title=escape(title), width=WIDTH, height=HEIGHT, body='\n'.join(parts))


def round_ticks(bottom: float, top: float) -> list[float]:
    """4 to 8 multiples of 1, 2 or 5 times a power of ten that cover the range from `bottom` to `top`."""
    rough = ((top - bottom) or 1.0) / _STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(bottom / step + 1e-9), math.ceil(top / step - 1e-9)
    return [step * number for number in range(first, max(last, first + 1) + 1)]


class _Scale(NamedTuple):
    """The mapping from figures to pixels."""

    categories: int
    bottom: float
    top: float

    def x(self, category: float) -> float:
        return _LEFT + (category + 0.5) * (WIDTH - _LEFT - _RIGHT) / self.categories

    def y(self, value: float) -> float:
        share = (value - self.bottom) / (self.top - self.bottom)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def _grid(scale: _Scale, ticks: Sequence[float]) -> list[str]:
    lines = []
    for value in ticks:
        y = scale.y(value)
        lines += [
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value * 100:+.6g} %</text>',
        ]
    return lines


def _categories(scale: _Scale, categories: Sequence[str], label: str) -> list[str]:
    centre = f'<text x="{scale.x((len(categories) - 1) / 2):.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
    return [f'{centre}{escape(label)}</text>'] + [
        f'<text x="{scale.x(i):.1f}" y="{HEIGHT - _BOTTOM + 20}" text-anchor="middle">{escape(name)}</text>'
        for i, name in enumerate(categories)
    ]


def _points(scale: _Scale, number: int, of: int, points: Sequence[Point]) -> list[str]:
    """Dots with whiskers, side by side within a category; lines would suggest a horizontal offset."""
    colour, width = COLOURS[number % len(COLOURS)], 4 if number == 0 else 2
    shift = 0.7 * ((number + 0.5) / of - 0.5)
    shapes = []
    for category, point in enumerate(points):
        x = scale.x(category + shift)
        low, middle, high = (scale.y(value) for value in (point.low, point.value, point.high))
        shapes += [
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>',
            f'<circle cx="{x:.1f}" cy="{middle:.1f}" r="{width + 1}" fill="{colour}"/>',
        ]
    return shapes


def _legend(number: int, name: str) -> str:
    x, y = WIDTH - _RIGHT + 20, _TOP + 22 * number
    colour = COLOURS[number % len(COLOURS)]
    return (
        f'<rect x="{x}" y="{y - 10}" width="14" height="10" fill="{colour}"/>'
        f'<text x="{x + 20}" y="{y}">{escape(name)}</text>'
    )
