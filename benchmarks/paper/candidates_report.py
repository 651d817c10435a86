"""Shows the lift by number of candidates as a table and as a chart."""

from rich.table import Table

from benchmarks.common.charts.cells import cross_table, percent
from benchmarks.common.charts.chart import Point, chart
from benchmarks.paper.candidates import BRACKETS

_SIZES = ('few', 'more', 'many')


def tables(figures: dict) -> list[Table]:
    """The figures of `benchmarks.paper.candidates.run`, in percent with 95 % intervals over worlds."""
    rows = [row | {'candidates': _SIZES[_size(row)]} for row in figures['rows']]
    cells = [f'{row["from"]}-{row["to"]}: {percent(row)}' for row in rows]
    title = f"GenCO's lift in true CTR by number of candidates ({len(figures['seeds'])} worlds)"
    return [cross_table(title, rows, 'component', 'candidates', cells)]


def plot(figures: dict) -> str:
    """The lift of each component by bracket, as an HTML page."""
    rows = figures['rows']
    series = {
        name: [Point(row['lift'], row['low'], row['high']) for row in rows if row['component'] == name]
        for name in dict.fromkeys(row['component'] for row in rows)
    }
    title = "GenCO's lift in true CTR over uniform choice, one component at a time"
    return chart(title, 'number of candidates, in the brackets of Table 4', _SIZES, series)


def _size(row: dict) -> int:
    return BRACKETS[row['component']].index((row['from'], row['to']))
