"""Measures the evaluator's speed: rows per second from TFRecord files to the finished evaluation."""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice, repeat
from pathlib import Path
from statistics import median
from typing import NamedTuple

import apache_beam as beam
import tensorflow as tf

from benchmarks.common.exported_model import exported_model
from benchmarks.evaluator import tfma_speed
from components.sctr_evaluator.beam.evaluate import Evaluate, WriteJson
from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.rows.exported_model import ExportedModel
from components.sctr_evaluator.rows.row_sources import BATCH_ROWS, read_records
from creative_logs.schema import LogSchema

# After this many batches every thread of the evaluator has built its graph.
_START_BATCHES = 4
_SCORING_BATCHES = 40


def run(quick: bool) -> dict:
    """Evaluates a GenCO model of six components, up to 15 candidates each, on simulated logs.

    Returns:
        The figures of `measure`; those of `tfma_speed.measure`, which times TensorFlow Model Analysis on rows
        of the same logs right afterwards; and `times_tfma`, the evaluator's speed divided by that of TFMA.
    """
    rows, turns = (15_000, 1) if quick else (400_000, 3)
    export = exported_model()
    ours = measure(export.model, export.files, export.schema, rows, turns)
    peer = tfma_speed.measure(export.model, next(repeated(export.files, 1)), quick)
    return ours | peer | {'times_tfma': round(ours['rows_per_s'] / peer['tfma_rows_per_s'])}


def measure(
    model_dir: str,
    files: Sequence[str],
    schema: LogSchema,
    rows: int,
    turns: int = 1,
    baseline_dir: str | None = None,
) -> dict:
    """Times the evaluator's Beam pipeline.

    Args:
        model_dir: The folder of an exported model.
        files: Gzipped TFRecord files of raw tf.Examples; they are read repeatedly until `rows` is reached.
        schema: The log schema of the files.
        rows: The number of rows to evaluate, rounded up to whole batches.
        turns: The number of runs; the figures are medians over the runs.
        baseline_dir: Another exported model that scores the same rows, or None.

    Returns:
        rows_per_s: The speed of reading, scoring, summing and writing from the fifth batch on. It leaves out
            the costs that do not depend on the number of rows: starting Beam, loading the model and building
            its graph.
        rows_per_s_with_start: The speed over all rows, with the start.
        start_s: The time until the fifth batch is requested.
        scoring_rows_per_s: The speed of the model's scoring alone, with the batches in memory.
        rows, turns: The number of rows evaluated, and the number of runs.
    """
    runs = [_time(model_dir, baseline_dir, files, schema, -(-rows // BATCH_ROWS)) for _ in range(turns)]
    return {
        'rows_per_s': round(median(run.rows_after / (run.seconds - run.start) for run in runs)),
        'rows_per_s_with_start': round(median(run.rows / run.seconds for run in runs)),
        'start_s': round(median(run.start for run in runs), 2),
        'scoring_rows_per_s': round(median(_scoring_speed(model_dir, files) for _ in range(turns))),
        'rows': runs[0].rows,
        'turns': turns,
    }


class _Run(NamedTuple):
    """The seconds of a run and of its start; the number of its rows, and of those read after the start."""

    seconds: float
    start: float
    rows: int
    rows_after: int


def _time(
    model_dir: str, baseline_dir: str | None, files: Sequence[str], schema: LogSchema, batches: int
) -> _Run:
    with tempfile.TemporaryDirectory() as folder:
        path, mark = Path(folder) / 'evaluation.json', Path(folder) / 'mark.json'
        read_all = partial(repeated, batches=batches, mark=mark)
        began = time.time()
        with beam.Pipeline(runner='FnApiRunner') as pipeline:
            _ = (
                pipeline
                | beam.Create([tuple(files)])
                | Evaluate(read_all, 1, model_dir, baseline_dir, schema, EvaluationConfig())
                | WriteJson(str(path))
            )
        ended = time.time()
        started, rows_before = json.loads(mark.read_text(encoding='utf-8'))
        rows = json.loads(path.read_text(encoding='utf-8'))['rows']
    return _Run(ended - began, started - began, rows, rows - rows_before)


def repeated(files: Sequence[str], batches: int, mark: Path | None = None) -> Iterator[tf.Tensor]:
    """Yields batches of the files, read repeatedly.

    It writes to `mark` the time at which the start is over and the number of rows read until then.
    """
    every_pass = chain.from_iterable(repeat(files))
    rows = 0
    for number, batch in enumerate(islice(chain.from_iterable(map(read_records, every_pass)), batches)):
        if number == _START_BATCHES and mark is not None:
            # Rows that are still being scored are not counted, but their time is: the speed errs downwards.
            mark.write_text(json.dumps([time.time(), rows]), encoding='utf-8')
        rows += len(batch)
        yield batch


def _scoring_speed(model_dir: str, files: Sequence[str]) -> float:
    model = ExportedModel(model_dir)
    first, *batches = repeated(files, _SCORING_BATCHES + 1)
    model.score(first, tf.zeros([len(first)], tf.int64))
    began = time.perf_counter()
    for batch in batches:
        model.score(batch, tf.zeros([len(batch)], tf.int64))
    return sum(map(len, batches)) / (time.perf_counter() - began)
