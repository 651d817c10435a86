"""The verb `bench`, with one command per benchmark."""

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from creative_logs.errors import InputError
from tfx_pipeline.cli.options import (
    json_option,
    property_option,
    simulator_config,
    writable,
    write_json,
    write_text,
)


class Benchmark(NamedTuple):
    """A benchmark.

    Attributes:
        module: The module that defines `run(quick, ...)`, which returns figures that JSON can represent. If
            they include `missed`, a list of the aims that were missed, one line each, the command fails
            unless it is empty.
        summary: The line in the help.
        options: The options besides --quick and --json; `run` receives them by name.
        report: The module that defines `tables(figures)`, and `plot(figures)` for --plot. If None, the
            figures are printed as one plain table.
    """

    module: str
    summary: str
    options: Sequence[Callable] = ()
    report: str | None = None


_UPWORTHY_OPTIONS = (
    click.option(
        '--log',
        metavar='FILE',
        default='../shared/data/upworthy/packages.parquet',
        show_default=True,
        help="The archive's packages: its CSV file, or a Parquet file with the same columns.",
    ),
    click.option(
        '--splits',
        type=click.IntRange(2),
        default=10,
        show_default=True,
        help='Number of splits of the impressions for each training share.',
    ),
    click.option(
        '--catalogue',
        metavar='FILE',
        help='Catalogue written by genco convert and embedded by genco embed; its vectors are then read too.',
    ),
    click.option(
        '--half',
        type=click.IntRange(1, 2),
        help='Use only half of the stories, for example one to tune on and the other to report on.',
    ),
)

_SEED_OPTION = click.option(
    '--seed',
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help='Seed of the first simulated world; the others use the next integers.',
)


def _catalogue_option(default: str) -> Callable:
    return click.option(
        '--catalogue',
        type=click.Choice(['off', 'on']),
        default=default,
        show_default=True,
        callback=lambda context, parameter, value: value == 'on',
        help='Whether there is a catalogue, read by some of the policies.',
    )


_WORLD_OPTIONS = (
    _SEED_OPTION,
    click.option(
        '--ads',
        type=click.IntRange(1),
        metavar='N',
        help='Number of ads of each world.  [default: by density]',
    ),
    click.option(
        '--impressions',
        type=click.IntRange(1),
        metavar='N',
        help='Training impressions per ad.  [default: one world or more for each of several densities]',
    ),
    click.option(
        '--seeds',
        type=click.IntRange(2),
        metavar='N',
        help='Number of worlds per density.  [default: 6; 2 with --quick]',
    ),
    property_option,
    _catalogue_option('on'),
)
_AB_OPTIONS = (
    _SEED_OPTION,
    click.option(
        '--days',
        type=click.IntRange(1),
        metavar='N',
        help='Days of the test.  [default: 14; 2 with --quick]',
    ),
    _catalogue_option('off'),
)

_SOAK_OPTIONS = (
    click.option(
        '--minutes',
        type=click.FloatRange(0, min_open=True),
        default=60.0,
        show_default=True,
        help='Duration of the load in minutes.',
    ),
)


def _simulated(module: str, summary: str, options: Sequence[Callable] = (_SEED_OPTION,)) -> Benchmark:
    return Benchmark(module, summary, options, f'{module}_report')


BENCHMARKS = {
    'training-speed': Benchmark(
        'benchmarks.training.training_speed',
        'training examples/s of the packed and a padded model, and with reading from TFRecords',
    ),
    'evaluator-speed': Benchmark(
        'benchmarks.evaluator.evaluator_speed',
        'rows/s of the calibrated sCTR evaluator, including predictions, and of TFMA',
    ),
    'evaluator-memory': Benchmark(
        'benchmarks.evaluator.evaluator_memory',
        'peak memory of the evaluator, for a log and for one with ten times as many rows',
    ),
    'coverage': Benchmark(
        'benchmarks.evaluator.coverage',
        'coverage of 95 % intervals and bias of every estimator on small simulated logs',
        (_SEED_OPTION,),
        'benchmarks.evaluator.coverage_report',
    ),
    'simulator-speed': Benchmark('benchmarks.training.simulator_speed', 'rows/s of the simulator'),
    'serving-load': Benchmark(
        'benchmarks.serving.serving_load',
        'latency and throughput of the embedded server under load and during a change of versions',
        report='benchmarks.serving.serving_load_report',
    ),
    'serving-soak': Benchmark(
        'benchmarks.serving.serving_soak',
        'memory of the embedded server at half load; fails if it changes by more than 5 %',
        _SOAK_OPTIONS,
        'benchmarks.serving.serving_soak_report',
    ),
    'upworthy': Benchmark(
        'benchmarks.quality.upworthy',
        'lift of GenCO and its peers on real clicks of the Upworthy Research Archive',
        _UPWORTHY_OPTIONS,
        'benchmarks.quality.upworthy_report',
    ),
    'known-truth': _simulated(
        'benchmarks.quality.known_truth',
        'lift, share of the best lift and regret of GenCO and its peers in simulated worlds',
        _WORLD_OPTIONS,
    ),
    'ablation': _simulated(
        'benchmarks.paper.ablation', 'what GenCO loses without its parts (Table 3)', _WORLD_OPTIONS
    ),
    'candidates': _simulated('benchmarks.paper.candidates', 'lift by number of candidates (Table 4)'),
    'importance': _simulated(
        'benchmarks.paper.importance',
        "importance of components by category, learned against the simulator's (Figure 3)",
    ),
    'ab': _simulated(
        'benchmarks.paper.ab',
        'CTR and RPM in a simulated online A/B test with daily training (Table 2)',
        _AB_OPTIONS,
    ),
}


@click.group()
def bench():
    """Run the benchmark NAME and print its figures.

    The results of our own runs, with machine and date, are in docs/benchmarks.md.

    \b
    Examples:
      genco bench training-speed --json training-speed.json
      genco bench upworthy --quick
      genco bench known-truth --impressions 100 --seeds 5 --set policy_accuracy=0
    """


_QUICK_OPTION = click.option(
    '--quick',
    is_flag=True,
    help='Run a small version that takes about a minute, to check that the benchmark works.',
)
_PLOT_OPTION = click.option(
    '--plot',
    'plot_path',
    metavar='FILE',
    callback=writable,
    help='Also write a chart of the figures to FILE, as HTML.',
)


def _command(name: str, benchmark: Benchmark) -> click.Command:
    def run(quick: bool, json_path: str | None, plot_path: str | None = None, **options):
        if 'properties' in options:
            _check_properties(options['properties'])
        figures = _measure(name, benchmark, {'quick': quick, **options})
        _print(name, benchmark, figures)
        write_json(json_path, figures)
        if plot_path and benchmark.report:
            write_text(plot_path, importlib.import_module(benchmark.report).plot(figures))
        if figures.get('missed'):
            raise click.ClickException(f'{name}: {"; ".join(figures["missed"])}')

    decorators = [
        _QUICK_OPTION,
        *benchmark.options,
        json_option,
        *([_PLOT_OPTION] if benchmark.report else []),
    ]
    for decorate in reversed(decorators):
        run = decorate(run)
    return click.command(name, help=f'{benchmark.summary[0].upper()}{benchmark.summary[1:]}.')(run)


def _check_properties(properties: dict) -> None:
    """Refuses invalid properties of worlds, and those that other options set, before any long work."""
    for key, option in (('seed', '--seed'), ('ads', '--ads'), ('rows', '--impressions')):
        if key in properties:
            raise InputError(f'--set {key}={properties[key]}: use {option} instead')
    simulator_config(properties)


def _measure(name: str, benchmark: Benchmark, options: dict) -> dict:
    from tfx_pipeline.console import captured_output as quiet

    quiet.prepare()
    from tfx_pipeline.console.progress import StepProgress

    with (
        quiet.output_to(Path(os.devnull)) as terminal,
        StepProgress(terminal) as progress,
        progress.follow_runner(),
    ):
        progress.start(f'benchmark {name}')
        figures = importlib.import_module(benchmark.module).run(**options)
        progress.finish()
    return figures


def _print(name: str, benchmark: Benchmark, figures: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    if benchmark.report:
        tables = importlib.import_module(benchmark.report).tables(figures)
    else:
        table = Table('figure', 'value', title=name)
        for figure, value in figures.items():
            table.add_row(figure, f'{value:,}' if isinstance(value, (int, float)) else str(value))
        tables = [table]
    Console().print(*tables, sep='\n')


for _name, _benchmark in BENCHMARKS.items():
    bench.add_command(_command(_name, _benchmark))
