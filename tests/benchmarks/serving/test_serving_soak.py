"""The soak's verdict on memory, and what the command makes of it."""

from click.testing import CliRunner

from benchmarks.serving import serving_soak
from benchmarks.serving.serving_soak import growth_of
from tfx_pipeline.cli.bench import bench

MEMORY = [[0.0, 500.0], [10.0, 800.0], [20.0, 816.0], [30.0, 780.0]]
FIGURES = {
    'rate': 100.0, 'requests': 10, 'errors': 2, 'failures': {'UNAVAILABLE': 2},
    'p50_ms': 1.0, 'p99_ms': 2.0, 'cpu_ms': 1.0, 'seconds': 30,
    'resident_mib': 800, 'growth': 0.02, 'timeline': MEMORY, 'missed': [],
}  # fmt: skip


def test_growth_is_measured_from_the_end_of_the_warm_up():
    resident, growth = growth_of(MEMORY, 10.0)
    assert resident == 800.0
    assert round(growth, 6) == 0.025


def test_failed_requests_and_growth_are_missed_targets():
    assert serving_soak._missed({}, 0.05) == []
    assert serving_soak._missed({'UNAVAILABLE': 3, 'INTERNAL': 1}, 0.06) == [
        '1 requests failed, INTERNAL',
        '3 requests failed, UNAVAILABLE',
        'resident memory changed by 6.0%, more than 5%',
    ]


def _soak(monkeypatch, tmp_path, missed):
    asked = []
    monkeypatch.setattr(
        serving_soak, 'run', lambda **options: asked.append(options) or FIGURES | {'missed': missed}
    )
    plot = tmp_path / 'soak.html'
    result = CliRunner().invoke(bench, ['serving-soak', '--minutes', '5', '--plot', str(plot)])
    assert asked == [{'quick': False, 'minutes': 5.0}]
    assert '<polyline' in plot.read_text()
    return result


def test_command_succeeds_where_memory_is_flat(monkeypatch, tmp_path):
    assert _soak(monkeypatch, tmp_path, []).exit_code == 0


def test_command_fails_where_it_is_not(monkeypatch, tmp_path):
    result = _soak(monkeypatch, tmp_path, ['resident memory changed by 9.0%, more than 5%'])
    assert result.exit_code == 1 and 'changed by 9.0%' in result.output
