"""Shows the server's memory under sustained load as a table and as a chart."""

from rich.table import Table

from benchmarks.common.charts.timeline_chart import timeline_chart


def tables(figures: dict) -> list[Table]:
    """The figures of `benchmarks.serving.serving_soak.run`."""
    table = Table('figure', 'value', title=f'{figures["seconds"]:,} s at half load')
    for name in ('rate', 'requests', 'errors', 'p50_ms', 'p99_ms', 'cpu_ms', 'resident_mib'):
        table.add_row(name, f'{figures[name]:,}')
    for code, count in figures['failures'].items():
        table.add_row(f'errors, {code}', f'{count:,}')
    table.add_row('growth', f'{figures["growth"]:.1%}')
    return [table]


def plot(figures: dict) -> str:
    """Resident memory over time, as an HTML page."""
    seconds, memory = zip(*figures['timeline'])
    title = f'Resident memory of the server at {figures["rate"]:g} requests/s'
    return timeline_chart(title, 'MiB', seconds, {'resident': memory}, {})
