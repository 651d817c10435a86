"""Shares by row and column as coloured tables in a single self-contained HTML file."""

from collections.abc import Mapping, Sequence
from html import escape

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font-family: sans-serif }} table {{ border-collapse: collapse; margin-bottom: 24px }}
h1 {{ font-size: 18px }} h2 {{ font-size: 15px }} th, td {{ padding: 6px 12px; text-align: right }}
</style></head>
<body><h1>{title}</h1>
{body}
</body></html>
"""
_DARKEST = (27, 108, 168)
_WHITE = 255


def heat_maps(title: str, columns: Sequence[str], maps: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """An HTML page of heat maps with values in percent; the largest value of each map is darkest.

    Args:
        title: The title of the page.
        columns: The names of the columns.
        maps: The values by title of the map and name of the row, one per column; fractions of at least 0.
    """
    body = '\n'.join(f'<h2>{escape(name)}</h2>\n{_table(columns, rows)}' for name, rows in maps.items())
    return _PAGE.format(title=escape(title), body=body)


def _table(columns: Sequence[str], rows: Mapping[str, Sequence[float]]) -> str:
    largest = max(value for values in rows.values() for value in values) or 1.0
    head = ''.join(f'<th>{escape(column)}</th>' for column in columns)
    lines = [
        f'<tr><th>{escape(name)}</th>{"".join(_cell(value, value / largest) for value in values)}</tr>'
        for name, values in rows.items()
    ]
    return f'<table><tr><th></th>{head}</tr>\n' + '\n'.join(lines) + '\n</table>'


def _cell(value: float, strength: float) -> str:
    red, green, blue = (round(_WHITE + strength * (dark - _WHITE)) for dark in _DARKEST)
    text = 'white' if strength > 0.6 else 'black'
    return f'<td style="background: rgb({red}, {green}, {blue}); color: {text}">{100 * value:.1f} %</td>'
