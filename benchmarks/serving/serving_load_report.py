"""Shows the load on the server as tables and as a chart."""

from rich.table import Table

from benchmarks.common.charts.timeline_chart import timeline_chart

_COLUMNS = ('rate', 'requests', 'p50_ms', 'p90_ms', 'p99_ms', 'max_ms', 'cpu_ms')


def tables(figures: dict) -> list[Table]:
    """The latency, throughput and change of versions measured by `benchmarks.serving.serving_load.run`."""
    latency = Table('', *(name.removesuffix('_ms') for name in _COLUMNS), title='Open loop, ms')
    for name in ('one_ad', 'hundred_ads'):
        latency.add_row(name.replace('_', ' '), *(f'{figures[name][column]:,}' for column in _COLUMNS))
    swap, hundred = figures['swap'], figures['hundred_ads']
    rest = Table('figure', 'value', title='Throughput and change of versions')
    rest.add_row('errors', str(figures['errors']))
    rest.add_row('ads/s, 100 ads per request', f'{figures["ads_per_s"]:,}')
    rest.add_row('share outside the graph, 100 ads', f'{hundred["outside_graph_share"]:.1%}')
    rest.add_row('change of versions: failed requests', str(swap['errors']))
    slowest = f'{swap["slowest_ms"]} ms, {swap["times_p99"]} times the p99 without a change'
    rest.add_row('change of versions: slowest request', slowest)
    rest.add_row(
        'change of versions: from new folder to first answer', f'{swap["served_s"] - swap["at_s"]:.1f} s'
    )
    batching = figures['batching']
    lowest, highest = batching['times_of_rounds']
    merged = (
        f'{batching["merged_per_s"]:,}, {batching["times"]} times the throughput without '
        f'({batching["alone_per_s"]:,}); {lowest} to {highest} times in single rounds'
    )
    rest.add_row('requests/s of one ad, with batching', merged)
    return [latency, rest]


def plot(figures: dict) -> str:
    """Latency over time while one version replaces another, as an HTML page."""
    swap = figures['swap']
    seconds, p50, slowest = zip(*swap['timeline'])
    return timeline_chart(
        f'Latency at {figures["one_ad"]["rate"]:g} requests/s while the version changes',
        'ms',
        seconds,
        {'median': p50, 'slowest': slowest},
        {'new version': swap['at_s'], 'first answer': swap['served_s']},
    )
