import pytest

from creative_logs.errors import InputError
from serving.server.monitoring.config import read_monitoring_config


@pytest.mark.parametrize(
    'text, path',
    [
        ('prometheus_config { enable: true path: "/metrics" }', '/metrics'),
        ('prometheus_config { enable: true }', '/monitoring/prometheus/metrics'),
        ('prometheus_config { path: "/metrics" }', None),
        ('', None),
    ],
)
def test_path(tmp_path, text, path):
    file = tmp_path / 'monitoring.config'
    file.write_text(text)
    assert read_monitoring_config(file) == path


@pytest.mark.parametrize('content', [b'prometheus_config { enable: maybe }', b'\xff', None])
def test_bad_file(tmp_path, content):
    file = tmp_path / 'monitoring.config'
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(
        InputError,
        match=f'^{file}: not a valid MonitoringConfig in the text format of protocol buffers: ',
    ):
        read_monitoring_config(file)
