"""Shows the benchmark on real clicks as tables and as a chart."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.common.charts.chart import Point, chart
from benchmarks.common.genco_policies import CONTENT, GENCO, GENCO_CONTENT


def tables(figures: dict) -> list[Table]:
    """The figures of `benchmarks.quality.upworthy.run`; lifts in percent with 95 % intervals."""
    seeds, folds = len(figures['seeds']), figures['folds']
    rows, main = figures['rows'], _main(figures)
    ahead = [row for row in figures['differences'] if row['policy'] == main]
    stories = f' of half {figures["half"]} of the stories' if figures['half'] else ''
    about = f'{figures["tests"]:,} tests{stories}, {figures["impressions"]:,} impressions'
    found = [
        _by_share(f'Lift over the mean package, intervals over {seeds} splits ({about})', rows, 'policy'),
        _by_share('The same, intervals over resampled tests', rows, 'policy', 'tests_'),
        _by_share(
            f'Lead of {main} over each peer (percentage points; p of the paired t test over splits)',
            ahead,
            'peer',
        ),
        _by_share('The same, intervals over resampled tests', ahead, 'peer', 'tests_'),
        _by_share(
            f'Calibrated sCTR of {main} over uniform, intervals by test',
            [row for row in figures['sctr'] if row['policy'] == main],
            'component',
        ),
        _new_tests(f'New tests: trained on other stories only, {folds} folds', figures),
    ]
    if figures['catalogue']:
        found.insert(
            3, _by_share('The same of genco, without vectors', _leads_without_vectors(figures), 'peer')
        )
        found[1].caption = f'*{CONTENT} reads vectors'
    if figures['left_out']:
        found[0].caption = f"left out: {', '.join(figures['left_out'])} (pip install 'genco[peers]')"
    return found


def plot(figures: dict) -> str:
    """The lift by share of training impressions, GenCO first, as an HTML page."""
    shares = _shares(figures['rows'])
    names = dict.fromkeys([_main(figures), GENCO, *(row['policy'] for row in figures['rows'])])
    series = {
        name: [Point(r['lift'], r['low'], r['high']) for r in figures['rows'] if r['policy'] == name]
        for name in names
    }
    title = f'Lift of the chosen package over the mean package, {figures["tests"]:,} tests of real clicks'
    return chart(title, 'share of the impressions used for training', [f'{s:.0%}' for s in shares], series)


def _main(figures: dict) -> str:
    """The policy whose leads are shown first."""
    return GENCO_CONTENT if figures['catalogue'] else GENCO


def _leads_without_vectors(figures: dict) -> list[dict]:
    found = [row for row in figures['differences'] if row['policy'] == GENCO]
    return [row for row in found if not row['peer'].endswith(CONTENT)]


def _by_share(title: str, rows: Sequence[dict], key: str, prefix: str = '') -> Table:
    shares = _shares(rows)
    table = Table('', *(f'{share:.0%}' for share in shares), title=title)
    cells = {(row[key], row['share']): _cell(row, prefix) for row in rows}
    for name in dict.fromkeys(row[key] for row in rows):
        table.add_row(name, *(cells[name, share] for share in shares))
    return table


def _new_tests(title: str, figures: dict) -> Table:
    main = _main(figures)
    ahead = {row['peer']: _cell(row) for row in figures['new_tests_differences'] if row['policy'] == main}
    table = Table('', 'lift', f'{main} ahead', title=title)
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
