"""Speed of the evaluator: rows per second from TFRecord files to the finished evaluation."""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import apache_beam as beam
import tensorflow as tf

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.exported import ExportedModel
from components.sctr_evaluator.scoring import Evaluate, WriteJson
from components.sctr_evaluator.sources import BATCH_ROWS, read_records


# Enough for every thread of the evaluator to have built its graph.
_START_BATCHES = 4


def run(model_dir: str, files: Sequence[str], rows: int, baseline_dir: str | None = None) -> dict:
    """Times the Beam pipeline of the evaluator on `rows` rows.

    `rows_per_s` is over reading, scoring, summing and writing. What a run pays once whatever its rows is
    apart, in `start_s`: the same pipeline on a few batches, which starts Beam and loads the model.

    Args:
        model_dir: an exported model.
        files: gzipped TFRecord files of raw tf.Examples; read over and over until there are `rows`.
        rows: to be evaluated, rounded up to whole batches.
        baseline_dir: another exported model that scores the same rows, or None.
    """
    start = _time(model_dir, baseline_dir, files, _START_BATCHES)
    batches = -(-rows // BATCH_ROWS)
    seconds, evaluated = _time(model_dir, baseline_dir, files, batches)
    return {
        'rows': evaluated,
        'rows_per_s': (evaluated - start[1]) / (seconds - start[0]),
        'rows_per_s_with_start': evaluated / seconds,
        'start_s': start[0],
        'scoring_rows_per_s': _scoring_speed(model_dir, files),
    }


def _time(model_dir: str, baseline_dir: str | None, files: Sequence[str], batches: int) -> tuple[float, int]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'evaluation.json'
        began = time.perf_counter()
        with beam.Pipeline(runner='FnApiRunner') as pipeline:
            _ = (
                pipeline
                | beam.Create([tuple(files)])
                | Evaluate(partial(_repeat, batches=batches), 1, model_dir, baseline_dir, EvaluationConfig())
                | WriteJson(str(path))
            )
        return time.perf_counter() - began, json.loads(path.read_text(encoding='utf-8'))['rows']


def _repeat(files: Sequence[str], batches: int) -> Iterator[tf.Tensor]:
    def forever() -> Iterator[tf.Tensor]:
        while True:
            for file in files:
                yield from read_records(file)

    return islice(forever(), batches)


def _scoring_speed(model_dir: str, files: Sequence[str], batches: int = 40) -> float:
    """Rows per second of the model's scoring alone: an upper bound of the evaluator's."""
    model = ExportedModel(model_dir)
    rows = list(_repeat(files, batches + 1))
    seeds = [tf.zeros([len(batch)], tf.int64) for batch in rows]
    model.score(rows[0], seeds[0])
    began = time.perf_counter()
    for batch, seed in zip(rows[1:], seeds[1:]):
        model.score(batch, seed)
    return sum(len(batch) for batch in rows[1:]) / (time.perf_counter() - began)
