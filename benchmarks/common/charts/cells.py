"""Figures with their intervals as people read them."""

from collections.abc import Mapping, Sequence

from rich.table import Table


def percent(row: Mapping, name: str = 'lift', prefix: str = '', digits: int = 1) -> str:
    """A fraction in percent with its interval, as in `+3.2 (+1.0 to +5.4)`.

    Args:
        row: with `name`, `<prefix>low` and `<prefix>high`.
        name: of the figure.
        prefix: of the bounds.
        digits: after the point.
    """
    value, low, high = (f'{100 * row[key]:+.{digits}f}' for key in (name, f'{prefix}low', f'{prefix}high'))
    return f'{value} ({low} to {high})'


def cross_table(title: str, rows: Sequence[Mapping], down: str, across: str, cells: Sequence[str]) -> Table:
    """A table with a line per value of `down` and a column per value of `across`.

    Args:
        title: text.
        rows: one per cell.
        down, across: keys of the rows.
        cells: what stands in the cell of each row; a cell without a row is empty.
    """
    columns = list(dict.fromkeys(row[across] for row in rows))
    table = Table(down, *map(str, columns), title=title)
    found = {(row[down], row[across]): cell for row, cell in zip(rows, cells, strict=True)}
    for name in dict.fromkeys(row[down] for row in rows):
        table.add_row(str(name), *(found.get((name, column), '') for column in columns))
    return table
