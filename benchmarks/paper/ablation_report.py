"""Shows the ablation as tables and as a chart."""

from rich.table import Table

from benchmarks.common.charts.cells import cross_table, percent
from benchmarks.common.charts.chart import Point, chart
from benchmarks.paper.ablation import COMBINATION, FULL


def tables(figures: dict) -> list[Table]:
    """The figures of `benchmarks.paper.ablation.run`, in percent with 95 % intervals over worlds."""
    full = [row for row in figures['rows'] if row['variant'] == FULL]
    changed = _changed(figures)
    cells = [
        percent(row, 'change', 'change_', 2) + (' noise' if row['noise'] else f' p {row["p"]:.2g}')
        for row in changed
    ]
    worlds = f'{len(figures["seeds"])} worlds'
    return [
        cross_table(
            f'Full model: lift in true CTR over uniform choice ({worlds})',
            full,
            'component',
            'variant',
            [percent(row) for row in full],
        ),
        _oracle_shares(figures),
        cross_table('Change in CTR of each variant, paired by world', changed, 'component', 'variant', cells),
    ]


def plot(figures: dict) -> str:
    """The change in CTR of each variant by component, as an HTML page."""
    changed = _changed(figures)
    series = {
        name: [
            Point(row['change'], row['change_low'], row['change_high'])
            for row in changed
            if row['variant'] == name
        ]
        for name in dict.fromkeys(row['variant'] for row in changed)
    }
    components = list(dict.fromkeys(row['component'] for row in changed))
    return chart('Change in true CTR relative to the full model', 'component chosen', components, series)


def _oracle_shares(figures: dict) -> Table:
    table = Table('variant', 'share', title="Share of the best combinations' lift")
    for row in figures['rows']:
        if row['component'] == COMBINATION:
            table.add_row(row['variant'], percent(row, 'oracle_share', 'oracle_share_'))
    return table


def _changed(figures: dict) -> list[dict]:
    return [row for row in figures['rows'] if row['variant'] != FULL]
