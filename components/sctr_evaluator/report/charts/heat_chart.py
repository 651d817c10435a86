"""A heat map of attention weights."""

from collections.abc import Mapping, Sequence

from components.sctr_evaluator.report.charts.shapes import Box, Drawing, Shape, Text, fitted, text_width

_ROW, _HEAD_GAP, _LABEL = 28, 8, 150
_SMALLEST_CELL, _LARGEST_CELL = 32, 90
_TALLEST_HEAD = 150
# Text must be readable on the strongest colour.
_STRONGEST = 0.6


def heat_chart(
    label: str, columns: Sequence[str], rows: Mapping[str, Mapping[str, float | None]], width: float
) -> Drawing:
    """Draws a cell per row and column with the weight in percent; larger weights have stronger colours.

    Args:
        label: A description of what the chart shows.
        columns: The names of the columns, one or more.
        rows: The weights by row name and column name, at least 0; None if there is no weight.
        width: The width in pixels; the chart is wider if its cells would be too narrow.
    """
    left = min(_LABEL, 0.3 * width)
    cell = min(max((width - left) / len(columns), _SMALLEST_CELL), _LARGEST_CELL)
    top = min(max(map(text_width, columns)), _TALLEST_HEAD) + _HEAD_GAP
    largest = max([w for row in rows.values() for w in row.values() if w is not None], default=0.0) or 1.0
    shapes: list[Shape] = [
        Text(left + (number + 0.5) * cell + 4, top - _HEAD_GAP, fitted(name, _TALLEST_HEAD), upright=True)
        for number, name in enumerate(columns)
    ]
    for position, (name, weights) in enumerate(rows.items()):
        y = top + position * _ROW
        shapes.append(Text(0, y + 18, fitted(name, left - 6)))
        for number, column in enumerate(columns):
            shapes += _cell(left + number * cell, y, cell, weights[column], largest)
    return Drawing(label, left + cell * len(columns), top + _ROW * len(rows), tuple(shapes))


def _cell(x: float, y: float, width: float, weight: float | None, largest: float) -> list[Shape]:
    if weight is None:
        return [Text(x + width / 2, y + 18, '-', 'muted', 'middle')]
    return [
        Box(x + 1, y + 1, width - 2, _ROW - 2, strength=_STRONGEST * weight / largest),
        Text(x + width / 2, y + 18, f'{weight * 100:.0f}', anchor='middle'),
    ]
