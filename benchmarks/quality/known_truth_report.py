"""Shows the benchmark with known truth as tables and as a chart."""

from rich.table import Table

from benchmarks.common.charts.cells import cross_table, percent
from benchmarks.common.charts.chart import Point, chart
from benchmarks.common.genco_policies import GENCO

_WHERE = 'impressions_per_ad'


def tables(figures: dict) -> list[Table]:
    """The figures of `benchmarks.quality.known_truth.run`, in percent with 95 % intervals over worlds."""
    worlds = f'{len(figures["seeds"])} worlds'
    rows, ahead = figures['rows'], figures['differences']
    shares = [percent(row, 'oracle_share', 'oracle_share_') for row in rows]
    regrets = [percent(row, 'regret', 'regret_', 2) for row in rows]
    leads = [f'{percent(row, "value")}, p {row["p"]:.2g}' for row in ahead]
    return [
        cross_table(
            f'Lift in true CTR over uniform choice, by impressions per ad ({worlds})',
            rows,
            'policy',
            _WHERE,
            [percent(row) for row in rows],
        ),
        cross_table("Share of the best combinations' lift", rows, 'policy', _WHERE, shares),
        cross_table(
            'Regret: percentage points of CTR below the best combinations', rows, 'policy', _WHERE, regrets
        ),
        cross_table(
            "GenCO's lead over each peer in percentage points of lift, paired by world",
            ahead,
            'peer',
            _WHERE,
            leads,
        ),
    ]


def plot(figures: dict) -> str:
    """The lift by density, GenCO first, as an HTML page."""
    rows = sorted(figures['rows'], key=lambda row: row[_WHERE])
    series = {
        name: [Point(row['lift'], row['low'], row['high']) for row in rows if row['policy'] == name]
        for name in dict.fromkeys([GENCO, *(row['policy'] for row in figures['rows'])])
    }
    densities = [str(density) for density in dict.fromkeys(row[_WHERE] for row in rows)]
    title = f'Lift in true CTR over uniform choice, {len(figures["seeds"])} simulated worlds each'
    return chart(title, 'impressions per ad', densities, series)
