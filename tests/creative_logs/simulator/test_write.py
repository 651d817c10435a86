from pathlib import Path

import pyarrow.parquet as pq
import pytest

from creative_logs.checks.check_logs import check_logs
from creative_logs.errors import InputError
from creative_logs.simulator import write
from creative_logs.simulator.write import simulate
from tests.creative_logs.simulator.examples import small_config


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}


def test_the_logs_pass_the_check(tmp_path):
    config = small_config(days=3, rows=1000)
    simulate(config, tmp_path / 'logs')
    report = check_logs(tmp_path / 'logs', config.log_schema())
    assert report.bad_rows == 0
    assert {(s.day, s.split): s.rows for s in report.splits} == {
        (day, split): rows
        for day in ('2024-06-20', '2024-06-21', '2024-06-22')
        for split, rows in (('train', 950), ('test', 50))
    }


def test_ids_are_plain_strings_in_the_files(tmp_path):
    config = small_config(days=1)
    simulate(config, tmp_path / 'logs')
    wanted = config.log_schema().arrow_schema()
    for field in pq.read_schema(tmp_path / 'logs' / '2024-06-20' / 'train' / 'part-00000.parquet'):
        assert field.type.equals(wanted.field(field.name).type)


def test_processes_do_not_change_the_logs(tmp_path):
    config = small_config(rows=500)
    simulate(config, tmp_path / 'one', workers=1)
    simulate(config, tmp_path / 'two', workers=2)
    assert files(tmp_path / 'one') == files(tmp_path / 'two')
    assert len(files(tmp_path / 'one')) == 6


def test_progress_adds_up_to_all_rows(tmp_path):
    seen = []
    simulate(small_config(days=2, rows=300), tmp_path / 'logs', progress=seen.append)
    assert sum(seen) == 600 and len(seen) == 4


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr(write, '_write', fail)
    with pytest.raises(MemoryError):
        simulate(small_config(), tmp_path / 'logs')
    assert list(tmp_path.iterdir()) == []


def test_logs_are_not_written_over(tmp_path):
    simulate(small_config(), tmp_path / 'logs')
    before = files(tmp_path / 'logs')
    with pytest.raises(InputError, match='is not empty'):
        simulate(small_config(seed=2), tmp_path / 'logs')
    assert files(tmp_path / 'logs') == before
