"""The verb `bench`."""

import importlib
import os
from pathlib import Path

import click

from tfx_pipeline.cli.options import json_option, write_json

BENCHMARKS = {
    'training-speed': 'benchmarks.training_speed',
    'evaluator-speed': 'benchmarks.evaluator_speed',
    'simulator-speed': 'benchmarks.simulator_speed',
}


@click.command()
@click.argument('name', type=click.Choice(list(BENCHMARKS)))
@click.option(
    '--quick', is_flag=True, help='A small form that shows that the benchmark works, in about a minute.'
)
@json_option
def bench(name: str, quick: bool, json_path: str | None):
    """Run the benchmark NAME and print its figures.

    \b
    training-speed    examples/s of the packed and of a padded model, and from TFRecords
    evaluator-speed   rows/s of the calibrated sCTR evaluator, predictions included
    simulator-speed   rows/s of the simulator

    The results of our own runs, with machine and date, are in docs/benchmarks.md.

    \b
    Example:
      genco bench training-speed --json training-speed.json
    """
    from rich.console import Console
    from rich.table import Table

    from tfx_pipeline import quiet

    quiet.prepare()
    with quiet.output_to(Path(os.devnull)) as terminal, Console(file=terminal).status(f'benchmark {name}'):
        figures = importlib.import_module(BENCHMARKS[name]).run(quick=quick)
    table = Table('figure', 'value', title=name)
    for figure, value in figures.items():
        table.add_row(figure, f'{value:,}' if isinstance(value, (int, float)) else str(value))
    Console().print(table)
    write_json(json_path, figures)
