"""Times TensorFlow Model Analysis on the same rows: one of the evaluator's means, with its own bootstrap."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator as evaluator
from tensorflow_model_analysis.proto import config_pb2

from components.sctr_evaluator.policies import MODEL_START, POLICIES
from components.sctr_evaluator.rows.exported_model import ExportedModel
from components.sctr_evaluator.rows.policy_predictions import PolicyRows
from components.sctr_evaluator.sums.batch_sums import Batch
from components.sctr_evaluator.sums.estimator_sums import SumColumns, row_terms

_POLICY = MODEL_START + POLICIES.index('two_stage')
_BATCH_ROWS = 1000


def measure(model: str, rows: tf.Tensor, quick: bool) -> dict:
    """Times TFMA's `MeanLabel` with the evaluator's weights: the overall sCTR of the two-stage policy.

    TFMA does less than the evaluator: the model's predictions are made beforehand, and all other figures are
    left out (the evaluator has 42 such means, with lifts, and other estimators). TFMA runs a combiner per
    replicate. Building that graph takes longer than a thousand rows, so the time of a run with one row is
    subtracted. TFMA uses one core, so its CPU time is the time that it would take alone on the machine.

    Args:
        model: The folder of the exported model.
        rows: Serialized tf.Examples, string [R].
        quick: Whether to draw 5 replicates instead of 200.

    Returns:
        tfma_rows_per_s: The speed without the start.
        tfma_start_s: The CPU time of a run with one row.
        tfma_replicates: The number of replicates.
        tfma_difference: The relative difference between TFMA's mean and ours of the same rows.
    """
    replicates = 5 if quick else 200
    click, weight = _weighted(model, rows)
    _time(click[:1], np.ones(1), 2)
    start, _ = _time(click[:1], np.ones(1), replicates)
    seconds, mean = _time(click, weight, replicates)
    ours = float(click @ weight / weight.sum())
    return {
        'tfma_rows_per_s': round(len(click) / (seconds - start), 1),
        'tfma_start_s': round(start, 1),
        'tfma_replicates': replicates,
        'tfma_difference': abs(mean - ours) / ours,
    }


def _weighted(model: str, rows: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The clicks, and the weights of the pooled sCTR, float64 [R] each."""
    scored = ExportedModel(model).score(rows, tf.zeros([len(rows)], tf.int64))
    policies, batch = PolicyRows.of(scored, None), Batch.of(scored, 2)
    columns = SumColumns(*policies.match.shape[1:])
    exposure = columns.component_ratios(row_terms(policies, *batch))['snips'][:, -1, _POLICY, 1]
    return batch.click, exposure


def _time(click: np.ndarray, weight: np.ndarray, replicates: int) -> tuple[float, float]:
    """The seconds of CPU time that TFMA takes, and the mean that it finds."""
    columns = {name: _column(values) for name, values in (('label', click), ('weight', weight))}
    batches = pa.table(columns | {'prediction': columns['label']}).to_batches(_BATCH_ROWS)
    with tempfile.TemporaryDirectory() as folder, _replicates(replicates):
        began = time.process_time()
        with beam.Pipeline(runner='FnApiRunner') as pipeline:
            rows = pipeline | beam.Create(batches)
            _ = rows | tfma.ExtractEvaluateAndWriteResults(eval_config=_config(), output_path=folder)
        seconds = time.process_time() - began
        found = tfma.load_eval_result(folder).slicing_metrics[0][1]
    mean = found['']['']['mean_label']
    return seconds, mean['boundedValue']['value']


def _config() -> config_pb2.EvalConfig:
    config = config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(label_key='label', prediction_key='prediction', example_weight_key='weight')
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[config_pb2.MetricConfig(class_name='MeanLabel')],
                example_weights=config_pb2.ExampleWeightOptions(weighted=True),
            )
        ],
        slicing_specs=[config_pb2.SlicingSpec()],
    )
    config.options.include_default_metrics.value = False
    config.options.compute_confidence_intervals.value = True
    config.options.confidence_intervals.method = config_pb2.ConfidenceIntervalOptions.POISSON_BOOTSTRAP
    return config


@contextmanager
def _replicates(number: int) -> Iterator[None]:
    """Sets the number of TFMA's bootstrap replicates, for which it has no setting."""
    default = evaluator._DEFAULT_NUM_BOOTSTRAP_SAMPLES
    evaluator._DEFAULT_NUM_BOOTSTRAP_SAMPLES = number
    try:
        yield
    finally:
        evaluator._DEFAULT_NUM_BOOTSTRAP_SAMPLES = default


def _column(values: np.ndarray) -> pa.Array:
    return pa.array([[value] for value in values.tolist()], pa.list_(pa.float32()))
