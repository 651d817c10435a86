"""Peak memory with few rows and with ten times as many."""

from benchmarks.evaluator import evaluator_memory
from components.log_example_gen.encoding import encode
from tests.components.sctr_evaluator.beam.test_evaluate import write_records
from tests.components.sctr_evaluator.tiny_export import export, make_logs


def test_ten_times_the_rows_are_compared(tmp_path, monkeypatch):
    files = [write_records(tmp_path / 'rows.gz', encode(make_logs(300)))]
    model = export(tmp_path / 'model')
    monkeypatch.setattr(evaluator_memory, 'exported_model', lambda folder: (model, files))
    asked = []
    measured = evaluator_memory._in_process

    def in_process(*arguments):
        asked.append(arguments[2])
        return measured(model, files, 2048) if len(asked) == 1 else 3000

    monkeypatch.setattr(evaluator_memory, '_in_process', in_process)
    result = evaluator_memory.run(quick=True)
    assert asked == [25_000, 250_000]
    assert 100 < result['peak_mib'] and result['peak_mib_of_ten_times'] == 3000
    assert result['ratio'] == round(3000 / result['peak_mib'], 2)


def test_so_many_batches_are_read_of_every_source(tmp_path):
    files = (write_records(tmp_path / 'rows.gz', encode(make_logs(300))),)
    batches = list(evaluator_memory._read((0, files), 3))
    assert [len(batch) for batch in batches] == [300] * 3
