"""Peak memory with few rows and with ten times as many."""

from benchmarks.common.exported_model import SimulatedExport
from benchmarks.evaluator import evaluator_memory
from components.log_example_gen.encoding import encode
from tests.components.sctr_evaluator.tiny_export import SCHEMA, export, make_logs, write_records


def test_ten_times_the_rows_are_compared(tmp_path, monkeypatch):
    files = [write_records(tmp_path / 'rows.gz', encode(make_logs(300)))]
    exported = SimulatedExport(export(tmp_path / 'model'), files, tmp_path, SCHEMA)
    monkeypatch.setattr(evaluator_memory, 'exported_model', lambda: exported)
    asked = []
    measured = evaluator_memory._in_process

    def in_process(*arguments):
        asked.append(arguments[1])
        return measured(exported, 2048) if len(asked) == 1 else 3000

    monkeypatch.setattr(evaluator_memory, '_in_process', in_process)
    result = evaluator_memory.run(quick=True)
    assert asked == [25_000, 250_000]
    assert 100 < result['peak_mib'] and result['peak_mib_of_ten_times'] == 3000
    assert result['ratio'] == round(3000 / result['peak_mib'], 2)


def test_so_many_batches_are_read_of_every_source(tmp_path):
    files = (write_records(tmp_path / 'rows.gz', encode(make_logs(300))),)
    batches = list(evaluator_memory._read((0, files), 3))
    assert [len(batch) for batch in batches] == [300] * 3
