"""Figures over time as a chart in a single self-contained HTML file."""

from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.common.charts.chart import COLOURS, HEIGHT, WIDTH, page, round_ticks

_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 150, 40, 50
_TICKS = 6


def timeline_chart(
    title: str,
    unit: str,
    seconds: Sequence[float],
    series: Mapping[str, Sequence[float]],
    events: Mapping[str, float],
) -> str:
    """An HTML page with a line per series, on an axis from zero, and a dashed line per event.

    Args:
        title: The title of the page.
        unit: The unit of the figures.
        seconds: The times of the figures in seconds, ascending.
        series: The figures of each series by name, one per time.
        events: The time of each event in seconds, by name.
    """
    ticks = round_ticks(0.0, max(max(values) for values in series.values()))
    top = ticks[-1]
    first, last = seconds[0], seconds[-1]

    def x(second: float) -> float:
        return _LEFT + (second - first) / ((last - first) or 1.0) * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - value / top * (HEIGHT - _TOP - _BOTTOM)

    parts = []
    for value in ticks:
        parts += [
            _line(_LEFT, y(value), WIDTH - _RIGHT, y(value), '#ddd'),
            _text(_LEFT - 8, y(value) + 4, f'{value:.4g} {unit}', 'end'),
        ]
    for tick in range(_TICKS):
        second = first + (last - first) * tick / (_TICKS - 1)
        parts.append(_text(x(second), HEIGHT - _BOTTOM + 20, f'{second:.0f} s', 'middle'))
    for second in events.values():
        parts.append(_line(x(second), _TOP, x(second), HEIGHT - _BOTTOM, '#555', 'stroke-dasharray="5 4"'))
    # At different heights, because two events may be close.
    parts += [_text(x(s) + 4, _TOP + 14 * i, name) for i, (name, s) in enumerate(events.items())]
    for colour, (number, (name, values)) in zip(COLOURS, enumerate(series.items())):
        points = ' '.join(f'{x(s):.1f},{y(v):.1f}' for s, v in zip(seconds, values, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(WIDTH - _RIGHT + 12, _TOP + 22 * number, name, fill=colour))
    return page(title, parts)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = '') -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'


def _text(x: float, y: float, text: str, anchor: str = 'start', fill: str = '#000') -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'
