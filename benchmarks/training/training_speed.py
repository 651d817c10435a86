"""Training speed of the packed and the padded model, with batches in memory and from TFRecords."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.common.transformed_logs import examples_of, transform_logs
from benchmarks.training.padded_genco import PaddedGenCO, PaddedTrainer, pad
from creative_logs.schema import CLICK, TRAIN
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.write import simulate
from model.config import GencoConfig
from model.features import packed_batch as keys
from model.features.example_reader import read
from model.features.preprocessing import feature_tables_of
from model.network.genco import GenCO
from model.training.trainer import GencoTrainer


def run(quick: bool) -> dict:
    """Trains on simulated logs of six components with batches of 1,024 ads.

    The packed and the padded model take turns, so that both run under the same conditions. The figures are
    medians over the turns.

    Args:
        quick: Whether to use small logs and two turns.

    Returns:
        packed_examples_per_s, padded_examples_per_s, packed_over_padded: The speed of the training steps
            with batches in memory, and the ratio of the two.
        tfrecords_examples_per_s: The speed including reading, parsing and packing.
        candidates_per_ad, batch_size, turns: The size of the benchmark.
    """
    rows, turns, steps = (8_000, 2, 3) if quick else (60_000, 9, 12)
    simulated = SimulatorConfig(ads=2000, days=2, rows=rows // 2, seed=1)
    config = GencoConfig(log_schema=simulated.log_schema(), model={'phi': True})
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        simulate(simulated, directory / 'logs')
        transforms = transform_logs(directory / 'logs', config, directory / 'transformed')
        tables = feature_tables_of(transforms, config.log_schema)
        data = read([examples_of(directory / 'transformed', TRAIN)], tables, config.training.batch_size)
        packed, padded = (
            _step_of(GencoTrainer(GenCO(tables, config.model, config.training), config.training)),
            _step_of(PaddedTrainer(PaddedGenCO(tables, config.model, config.training), config.training)),
        )
        batches = list(itertools.islice(data, steps))
        wide = [pad(batch, tables.max_candidates) for batch in batches]
        for step, warm_up in ((packed, batches), (padded, wide)):
            _rate(step, warm_up[:3])
        rates = np.array([(_rate(packed, batches), _rate(padded, wide)) for _ in range(turns)])
        from_records = [_rate(packed, data) for _ in range(2 if quick else 3)]
    packed_rate, padded_rate = np.median(rates, 0)
    return {
        'packed_examples_per_s': round(packed_rate),
        'padded_examples_per_s': round(padded_rate),
        'packed_over_padded': round(float(np.median(rates[:, 0] / rates[:, 1])), 2),
        'tfrecords_examples_per_s': round(float(np.median(from_records))),
        'candidates_per_ad': round(
            float(np.mean([len(b[keys.ELEMENTS]) / len(b[CLICK]) for b in batches])), 1
        ),
        'batch_size': config.training.batch_size,
        'turns': turns,
    }


def _step_of(trainer: GencoTrainer) -> Callable:
    trainer.compile()
    return tf.function(trainer.train_step, reduce_retracing=True)


def _rate(step: Callable, batches: Iterable) -> float:
    started, examples = time.perf_counter(), 0
    for batch in batches:
        step(batch)
        examples += len(batch[CLICK])
    return examples / (time.perf_counter() - started)
