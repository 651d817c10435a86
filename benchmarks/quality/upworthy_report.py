"""Shows the benchmark on real clicks as tables and as a chart."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.common.charts.chart import Point, chart
from benchmarks.common.genco_policies import GENCO


def tables(figures: dict) -> list[Table]:
    """The figures of `benchmarks.quality.upworthy.run`; lifts in percent with 95 % intervals."""
    seeds, folds = len(figures['seeds']), figures['folds']
    rows, ahead = figures['rows'], figures['differences']
    about = f'{figures["tests"]:,} tests, {figures["impressions"]:,} impressions'
    found = [
        _by_share(f'Lift over the mean package, intervals over {seeds} splits ({about})', rows, 'policy'),
        _by_share('The same, intervals over resampled tests', rows, 'policy', 'tests_'),
        _by_share(
            "GenCO's lead over each peer (percentage points; p of the paired t test over splits)",
            ahead,
            'peer',
        ),
        _by_share('The same, intervals over resampled tests', ahead, 'peer', 'tests_'),
        _by_share(
            "GenCO's calibrated sCTR over uniform, intervals by test",
            [row for row in figures['sctr'] if row['policy'] == GENCO],
            'component',
        ),
        _new_tests(f'New tests: trained on other stories only, {folds} folds', figures),
    ]
    if figures['left_out']:
        found[0].caption = f"left out: {', '.join(figures['left_out'])} (pip install 'genco[peers]')"
    return found


def plot(figures: dict) -> str:
    """The lift by share of training impressions, GenCO first, as an HTML page."""
    shares = _shares(figures['rows'])
    names = dict.fromkeys([GENCO, *(row['policy'] for row in figures['rows'])])
    series = {
        name: [Point(r['lift'], r['low'], r['high']) for r in figures['rows'] if r['policy'] == name]
        for name in names
    }
    title = f'Lift of the chosen package over the mean package, {figures["tests"]:,} tests of real clicks'
    return chart(title, 'share of the impressions used for training', [f'{s:.0%}' for s in shares], series)


def _by_share(title: str, rows: Sequence[dict], key: str, prefix: str = '') -> Table:
    shares = _shares(rows)
    table = Table('', *(f'{share:.0%}' for share in shares), title=title)
    cells = {(row[key], row['share']): _cell(row, prefix) for row in rows}
    for name in dict.fromkeys(row[key] for row in rows):
        table.add_row(name, *(cells[name, share] for share in shares))
    return table


def _new_tests(title: str, figures: dict) -> Table:
    ahead = {row['peer']: _cell(row) for row in figures['new_tests_differences']}
    table = Table('', 'lift', 'GenCO ahead', title=title)
    for row in figures['new_tests']:
        table.add_row(row['policy'], _cell(row), ahead.get(row['policy'], ''))
    return table


def _shares(rows: Sequence[dict]) -> list[float]:
    return list(dict.fromkeys(row['share'] for row in rows))


def _cell(row: dict, prefix: str = '') -> str:
    value = row.get('lift', row.get('difference'))
    if value is None:
        return '-'
    low, high = row[f'{prefix}low'], row[f'{prefix}high']
    interval = '' if low is None else f' ({low * 100:+.1f} to {high * 100:+.1f})'
    p = f', p {row["p"]:.2g}' if 'p' in row and not prefix else ''
    return f'{value * 100:+.1f}{interval}{p}'
