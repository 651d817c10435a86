"""The run_fn of Trainer: it reads transformed examples, trains a model and exports it."""

import os
from pathlib import Path

import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from creative_logs.catalogue.write import CATALOGUE_FILE
from model.config import GencoConfig
from model.content.element_contents import Catalogue
from model.export.saved_model import export_model
from model.features.example_reader import days_in_order, read
from model.features.preprocessing import feature_tables_of
from model.training.tensorboard import training_callbacks
from model.training.train import train


def run_fn(fn_args: FnArgs) -> None:
    """Trains and exports a model; this is the entry point of Trainer.

    Args:
        fn_args: The arguments of Trainer. `custom_config` holds `genco`, the GencoConfig as a dictionary,
            `holdout_days`, the number of newest days that are not trained on, and, where components have
            content, `catalogue`, the folder of `catalogue.parquet`. `train_files` and `eval_files` are the
            train and test splits of the window.

    Raises:
        InputError: No day is left to train on, a split is empty, or the training diverges.
    """
    config = GencoConfig.model_validate(fn_args.custom_config['genco'])
    holdout = fn_args.custom_config['holdout_days']
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    tables = feature_tables_of(transform_output, config.log_schema)
    train_days = days_in_order(fn_args.train_files)
    test_days = days_in_order(fn_args.eval_files)
    data = read(train_days[: len(train_days) - holdout], tables, config.training.batch_size)
    tests = read(test_days[-holdout:], tables, config.training.batch_size)
    callbacks = training_callbacks(config, tests, transform_output, fn_args.model_run_dir)
    folder = fn_args.custom_config.get('catalogue')
    catalogue = folder and Catalogue.from_files(Path(folder, CATALOGUE_FILE), config.log_schema)
    model = train(tables, config, data, callbacks, catalogue)
    export_model(model, transform_output, config, os.path.normpath(fn_args.serving_model_dir))
