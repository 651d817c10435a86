"""Shows the importance of components as tables and as heat maps."""

from rich.table import Table

from benchmarks.common.charts.cells import cross_table
from benchmarks.common.charts.heat_map import heat_maps
from benchmarks.paper.importance import MEASURES, TRUTH


def tables(figures: dict) -> list[Table]:
    """The shares, in percent, and the rank correlations of `benchmarks.paper.importance.run`."""
    rows, ranks = figures['rows'], figures['rank_correlations']
    shares = [
        cross_table(f'Importance in percent: {name}', rows, 'category', 'component', _percents(rows, name))
        for name in (TRUTH, *MEASURES)
    ]
    title = f'Rank correlation with the truth ({len(figures["seeds"])} worlds)'
    cells = [f'{row["value"]:+.2f} ({row["low"]:+.2f} to {row["high"]:+.2f})' for row in ranks]
    return [*shares, cross_table(title, ranks, 'category', 'measure', cells)]


def plot(figures: dict) -> str:
    """Heat maps of the true and the learned importance, as an HTML page."""
    rows = figures['rows']
    components = list(dict.fromkeys(row['component'] for row in rows))
    categories = dict.fromkeys(row['category'] for row in rows)
    maps = {
        name: {c: [row[name] for row in rows if row['category'] == c] for c in categories}
        for name in (TRUTH, *MEASURES)
    }
    return heat_maps('Importance of components by category', components, maps)


def _percents(rows: list[dict], name: str) -> list[str]:
    return [f'{100 * row[name]:.1f}' for row in rows]
