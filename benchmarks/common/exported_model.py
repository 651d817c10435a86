"""A GenCO model of six components, trained on simulated logs and exported, for benchmarks that use one."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from benchmarks.common.transformed_logs import examples_of, transform_logs
from creative_logs.schema import TEST, TRAIN, LogSchema
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.write import simulate
from model.config import GencoConfig
from model.export.saved_model import export_model
from model.features.example_reader import read
from model.features.preprocessing import feature_tables_of
from model.training.train import train


class SimulatedExport(NamedTuple):
    """An exported model and what it was made from.

    Attributes:
        model: The folder of the SavedModel.
        files: TFRecord files of raw tf.Examples, the test split of the logs.
        logs: The folder of the click logs.
        schema: The log schema.
    """

    model: str
    files: list[str]
    logs: Path
    schema: LogSchema


@cache
def exported_model() -> SimulatedExport:
    """Simulates logs, trains a model on them and exports it, once per process.

    The files lie in a temporary folder, which is removed when the process ends.
    """
    directory = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    simulated = SimulatorConfig(ads=2000, days=2, rows=20_000, test_share=0.5)
    config = GencoConfig(log_schema=simulated.log_schema())
    logs, transformed, model = directory / 'logs', directory / 'transformed', directory / 'model'
    simulate(simulated, logs)
    transforms = transform_logs(logs, config, transformed)
    tables = feature_tables_of(transforms, config.log_schema)
    data = read([examples_of(transformed, TRAIN)], tables, config.training.batch_size)
    export_model(train(tables, config, data), transforms, config, str(model))
    return SimulatedExport(str(model), examples_of(transformed, TEST, 'raw'), logs, config.log_schema)
