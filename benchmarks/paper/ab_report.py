"""Shows the simulated A/B test as a table and as a chart."""

from rich.table import Table

from benchmarks.common.charts.cells import percent
from benchmarks.common.charts.chart import Point, chart


def tables(figures: dict) -> list[Table]:
    """The lifts of `benchmarks.paper.ab.run` over uniform choice, in percent with 95 % intervals."""
    title = (
        f'A/B test: {figures["days"]} days of {figures["impressions_per_day"]:,} impressions, '
        f'{len(figures["seeds"])} worlds'
    )
    main = _main(figures)
    table = Table('', 'CTR', 'RPM', *(f'{policy} ahead in CTR (p)' for policy in main), title=title)
    ahead = {
        (row['policy'], row['peer']): f'{percent(row, "value")}, p {row["p"]:.2g}'
        for row in figures['differences']
    }
    for row in figures['rows']:
        name = row['policy']
        leads = (ahead.get((policy, name), '') for policy in main)
        table.add_row(name, percent(row), percent(row, 'rpm_lift', 'rpm_lift_'), *leads)
    return [table]


def plot(figures: dict) -> str:
    """The CTR lift of each day, GenCO first, as an HTML page."""
    daily = figures['daily']
    series = {
        name: [Point(row['lift'], row['low'], row['high']) for row in daily if row['policy'] == name]
        for name in dict.fromkeys([*_main(figures), *(row['policy'] for row in daily)])
    }
    days = [str(day) for day in dict.fromkeys(row['day'] for row in daily)]
    title = f'CTR lift over uniform choice in {len(figures["seeds"])} simulated A/B tests'
    return chart(title, 'day of the test', days, series)


def _main(figures: dict) -> list[str]:
    """The policies whose leads are shown."""
    return list(dict.fromkeys(row['policy'] for row in figures['differences']))
