"""Which days a run reads, and what is said where there are none."""

import pytest

from creative_logs.errors import InputError
from tests.creative_logs.examples import good_row, write_logs
from tests.tfx_pipeline.examples import config_for, with_catalogue
from tfx_pipeline.window import window_of

DAYS = ('2024-01-01', '2024-01-03', '2024-01-04')


@pytest.fixture
def logs(tmp_path):
    return write_logs(tmp_path / 'logs', [good_row()], days=DAYS)


def test_the_window_is_the_newest_days_that_have_logs(tmp_path, logs):
    assert window_of(config_for(tmp_path)) == list(DAYS)
    assert window_of(config_for(tmp_path, window={'days': 2})) == list(DAYS[1:])
    assert window_of(config_for(tmp_path, window={'days': 2}), '2024-01-03') == list(DAYS[:2])


@pytest.mark.parametrize(
    ('day', 'window', 'message'),
    [
        ('2024-01-02', {}, "no logs of day '2024-01-02'; there are 2024-01-01 to 2024-01-04"),
        ('2024-01-01', {'days': 3, 'holdout_days': 1}, 'none is left to train on'),
    ],
)
def test_a_window_that_cannot_be_read_is_an_error(tmp_path, logs, day, window, message):
    with pytest.raises(InputError, match=message):
        window_of(config_for(tmp_path, window=window), day)


def test_a_day_without_test_split_is_an_error(tmp_path, logs):
    (logs / '2024-01-03' / 'test' / 'part-0.parquet').unlink()
    with pytest.raises(InputError, match='2024-01-03'):
        window_of(config_for(tmp_path))
    assert window_of(config_for(tmp_path, window={'days': 1})) == ['2024-01-04']


def test_missing_logs_are_an_error(tmp_path):
    with pytest.raises(InputError, match='no such folder of logs'):
        window_of(config_for(tmp_path))


def test_a_missing_catalogue_is_an_error(tmp_path, logs):
    with pytest.raises(InputError, match='catalogue.parquet: no such catalogue'):
        window_of(with_catalogue(tmp_path))
    (tmp_path / 'catalogue.parquet').touch()
    assert window_of(with_catalogue(tmp_path)) == list(DAYS)
