"""Shows the benchmark with known truth as tables and as a chart."""

from rich.table import Table

from benchmarks.common.charts.cells import cross_table, percent
from benchmarks.common.charts.chart import Point, chart
from benchmarks.common.genco_policies import CONTENT, GENCO, GENCO_CONTENT
from benchmarks.common.twins import FEWEST, MOST

_WHERE = 'impressions_per_ad'


def tables(figures: dict) -> list[Table]:
    """The figures of `benchmarks.quality.known_truth.run`, in percent with 95 % intervals over worlds."""
    worlds = f'{len(figures["seeds"])} worlds'
    rows = figures['rows']
    shares = [percent(row, 'oracle_share', 'oracle_share_') for row in rows]
    regrets = [percent(row, 'regret', 'regret_', 2) for row in rows]
    found = [
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
    ]
    found += [_leads(figures, GENCO, "GenCO's")]
    if figures['catalogue']:
        found[0].caption = f'*{CONTENT} reads the catalogue'
        found.append(_leads(figures, GENCO_CONTENT, "GenCO's, reading the catalogue,"))
    return found + ([_new_elements(figures['new_elements'])] if figures['new_elements'] else [])


def _leads(figures: dict, policy: str, whose: str) -> Table:
    ahead = [row for row in figures['differences'] if row['policy'] == policy]
    leads = [f'{percent(row, "value")}, p {row["p"]:.2g}' for row in ahead]
    title = f'{whose} lead over each peer in percentage points of lift, paired by world'
    return cross_table(title, ahead, 'peer', _WHERE, leads)


def _new_elements(rows: list[dict]) -> Table:
    """Lifts among shown and among new candidates, as `new / shown`, with the share of the first in the second."""
    cells = []
    for row in rows:
        share = '' if row['share'] is None else f' ({row["share"]:.0%})'
        cells.append(f'{100 * row["lift_new"]:+.1f} / {100 * row["lift_shown"]:+.1f}{share}')
    title = (
        f'Lift among new candidates / among candidates shown {FEWEST} to {MOST} times, in the same requests'
    )
    return cross_table(title, rows, 'policy', _WHERE, cells)


def plot(figures: dict) -> str:
    """The lift by density, GenCO first, as an HTML page."""
    rows = sorted(figures['rows'], key=lambda row: row[_WHERE])
    series = {
        name: [Point(row['lift'], row['low'], row['high']) for row in rows if row['policy'] == name]
        for name in dict.fromkeys([*_genco(figures), *(row['policy'] for row in figures['rows'])])
    }
    densities = [str(density) for density in dict.fromkeys(row[_WHERE] for row in rows)]
    title = f'Lift in true CTR over uniform choice, {len(figures["seeds"])} simulated worlds each'
    return chart(title, 'impressions per ad', densities, series)


def _genco(figures: dict) -> list[str]:
    return [GENCO_CONTENT, GENCO] if figures['catalogue'] else [GENCO]
