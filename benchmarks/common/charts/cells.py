"""Figures with their intervals as readable text, and tables of them."""

from collections.abc import Mapping, Sequence

from rich.table import Table


def percent(row: Mapping, name: str = 'lift', prefix: str = '', digits: int = 1) -> str:
    """A fraction in percent with its interval, as in `+3.2 (+1.0 to +5.4)`.

    Args:
        row: The row with the keys `name`, `<prefix>low` and `<prefix>high`.
        name: The key of the figure.
        prefix: The prefix of the keys of the bounds.
        digits: The number of digits after the decimal point.
    """
    value, low, high = (f'{100 * row[key]:+.{digits}f}' for key in (name, f'{prefix}low', f'{prefix}high'))
    return f'{value} ({low} to {high})'


def cross_table(title: str, rows: Sequence[Mapping], down: str, across: str, cells: Sequence[str]) -> Table:
    """A table with a line per value of `down` and a column per value of `across`.

    Args:
        title: The title of the table.
        rows: The rows, one per cell.
        down: The key of the rows whose values name the lines.
        across: The key of the rows whose values name the columns.
        cells: The text of the cell of each row; cells without a row are empty.
    """
    columns = list(dict.fromkeys(row[across] for row in rows))
    table = Table(down, *map(str, columns), title=title)
    found = {(row[down], row[across]): cell for row, cell in zip(rows, cells, strict=True)}
    for name in dict.fromkeys(row[down] for row in rows):
        table.add_row(str(name), *(found.get((name, column), '') for column in columns))
    return table
