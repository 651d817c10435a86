"""Measures whether the evaluator's peak memory depends on the number of rows."""

import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import apache_beam as beam
import tensorflow as tf

from benchmarks.common.exported_model import SimulatedExport, exported_model
from benchmarks.evaluator.evaluator_speed import repeated
from components.sctr_evaluator.beam.evaluate import Evaluate, WriteJson
from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.rows.row_sources import BATCH_ROWS

_ROWS_PER_SOURCE = 50_000
_KIB_PER_MIB = 1 << 10


def run(quick: bool) -> dict:
    """Evaluates some rows and ten times as many, each in a separate process.

    Returns:
        peak_mib: The largest resident memory of the first evaluation, MiB.
        peak_mib_of_ten_times: The largest resident memory with ten times as many rows, MiB.
        ratio: The second divided by the first.
        rows: The number of rows of the first evaluation.
    """
    rows = 25_000 if quick else 500_000
    few, many = (_in_process(exported_model(), number) for number in (rows, 10 * rows))
    return {'peak_mib': few, 'peak_mib_of_ten_times': many, 'ratio': round(many / few, 2), 'rows': rows}


def _in_process(export: SimulatedExport, rows: int) -> int:
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(_peak, (export, rows))


def _peak(export: SimulatedExport, rows: int) -> int:
    """Evaluates in this process, and returns its largest resident memory, MiB."""
    sources = -(-rows // _ROWS_PER_SOURCE)
    read = partial(_read, batches=-(-rows // sources // BATCH_ROWS))
    with tempfile.TemporaryDirectory() as folder, beam.Pipeline(runner='FnApiRunner') as pipeline:
        _ = (
            pipeline
            | beam.Create([(number, tuple(export.files)) for number in range(sources)])
            | Evaluate(read, sources, export.model, None, export.schema, EvaluationConfig())
            | WriteJson(str(Path(folder) / 'evaluation.json'))
        )
    return _peak_mib()


def _peak_mib() -> int:
    """The peak of this process alone; `resource.getrusage` would include the parent's peak."""
    status = Path('/proc/self/status').read_text(encoding='utf-8')
    return (
        int(next(line for line in status.splitlines() if line.startswith('VmHWM')).split()[1]) // _KIB_PER_MIB
    )


def _read(source: tuple[int, Sequence[str]], batches: int) -> Iterator[tf.Tensor]:
    return repeated(source[1], batches)
