"""Shows the figures of `benchmarks.evaluator.coverage` as tables and as a chart."""

from rich.table import Table

from benchmarks.common.charts.chart import Point, chart

_INTERVALS = ('delta', 'bootstrap')
_MISSED = 'Missed: coverage outside 93 to 97 %, or bias above a tenth of the error'
_MEASURED = (*_INTERVALS, 'bias / error')


def tables(figures: dict) -> list[Table]:
    """One table per scenario with the range of each estimator's figures, and one of the rows that failed."""
    scenarios = dict.fromkeys(row['scenario'] for row in figures['rows'])
    found = [_summary(figures, scenario) for scenario in scenarios]
    failed = [row for row in figures['rows'] if row['passed'] is False]
    if failed:
        found.append(_all_rows(_MISSED, failed))
    return found


def plot(figures: dict) -> str:
    """The lowest, mean and highest coverage of each estimator where its assumptions hold, as an HTML page."""
    held = [row for row in figures['rows'] if row['holds']]
    estimators = list(dict.fromkeys(_name(row) for row in held))
    series = {
        kind: [_range([row[kind] for row in held if _name(row) == name]) for name in estimators]
        for kind in _INTERVALS
    }
    title = f'Coverage of 95 % intervals over {figures["logs"]} logs: mean, lowest and highest figure'
    return chart(title, 'estimator', estimators, series)


def _summary(figures: dict, scenario: str) -> Table:
    table = Table('estimator', 'figures', *_MEASURED, 'holds')
    table.title = (
        f'Coverage in % of {figures["confidence"] * 100:g} % intervals: {scenario} '
        f'({figures["logs"]} logs of {figures["ads"]} ads)'
    )
    groups: dict[tuple[str, bool], list[dict]] = {}
    for row in figures['rows']:
        if row['scenario'] == scenario:
            groups.setdefault((_name(row), row['holds']), []).append(row)
    for (name, holds), rows in groups.items():
        coverage = [_between([row[kind] * 100 for row in rows], '.1f') for kind in _INTERVALS]
        bias = _between([row['bias_over_error'] for row in rows], '+.2f')
        table.add_row(name, str(len(rows)), *coverage, bias, 'yes' if holds else 'no')
    return table


def _all_rows(title: str, rows: list[dict]) -> Table:
    table = Table('scenario', 'estimator', 'policy', 'figure', *_MEASURED, title=title)
    for row in rows:
        coverage = [f'{row[kind] * 100:.1f}' for kind in _INTERVALS]
        bias = f'{row["bias_over_error"]:+.2f}'
        table.add_row(row['scenario'], _name(row), row['policy'], row['figure'], *coverage, bias)
    return table


def _name(row: dict) -> str:
    return f'{row["level"]} {row["estimator"]}'


def _range(values: list[float]) -> Point:
    return Point(sum(values) / len(values), min(values), max(values))


def _between(values: list[float], form: str) -> str:
    return f'{min(values):{form}} to {max(values):{form}}'
