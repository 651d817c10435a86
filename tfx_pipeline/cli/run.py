"""The verbs `run` and `refresh`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from creative_logs.atomic_write import writing
from tfx_pipeline.cli.options import config_option, json_option, set_option, write_json
from tfx_pipeline.config import Config, load_config
from tfx_pipeline.console import captured_output as quiet
from tfx_pipeline.window import window_of


@click.command()
@config_option
@set_option
@click.option('--day', metavar='YYYY-MM-DD', help='Last day of logs to use.  [default: the newest]')
@click.option(
    '--runner',
    type=click.Choice(['local', 'kubeflow']),
    default='local',
    show_default=True,
    help='local runs the pipeline here; kubeflow writes a pipeline file for Kubeflow Pipelines.',
)
@click.option('--output', metavar='FILE', help='Pipeline file to write, .json or .yaml (kubeflow only).')
@click.option('--image', metavar='IMAGE', help='Container image with this project (kubeflow only).')
@json_option
def run(config_path, overrides, day, runner, output, image, json_path):
    """Run the pipeline: train a model on logs, evaluate it and push it.

    Ingests the days of the window, checks them, trains on them, evaluates the model on uniform-policy traffic
    and pushes it if it is better than the model being served. Unchanged steps are not run again, so an
    interrupted run continues where it stopped. The output of libraries goes to run.log in paths.root.

    \b
    Examples:
      genco run --config configs/demo.yaml
      genco run --config configs/demo.yaml --set training.batch_size=512 --json run.json
    """
    config = load_config(config_path, overrides)
    if runner == 'kubeflow':
        _compile(config, day, output, image)
    elif output or image:
        raise click.UsageError('--output and --image are for --runner kubeflow')
    else:
        _run(config, day, json_path)


@click.command()
@config_option
@set_option
@click.option(
    '--day', metavar='YYYY-MM-DD', help='Last day of logs to evaluate on.  [default: the newest that was run]'
)
@json_option
def refresh(config_path, overrides, day, json_path):
    """Fold a catalogue that has grown into the serving model, without training.

    Writes what the content of each element of the catalogue is worth into a copy of the model that was pushed
    last, evaluates the copy on uniform-policy traffic of the days that genco run has ingested, and pushes it if
    it is not worse. If the model knows the catalogue already, nothing is evaluated or pushed.

    \b
    Example:
      genco refresh --config configs/demo.yaml
    """
    config = load_config(config_path, overrides)
    from tfx_pipeline.run_records.refresh_summary import to_refresh_table
    from tfx_pipeline.runners.local_runner import refresh as refresh_locally

    with _failed_steps_reported():
        summary = refresh_locally(config, day)
    Console().print(to_refresh_table(summary))
    write_json(json_path, summary.to_json())


def _run(config: Config, day: str | None, json_path: str | None) -> None:
    from tfx_pipeline.run_records.run_summary import to_table
    from tfx_pipeline.runners.local_runner import run as run_locally

    with _failed_steps_reported():
        summary = run_locally(config, day)
    Console().print(to_table(summary))
    write_json(json_path, summary.to_json())


@contextmanager
def _failed_steps_reported() -> Iterator[None]:
    from tfx_pipeline.console.step_errors import StepError

    try:
        yield
    except StepError as error:
        raise click.ClickException(str(error)) from error


def _compile(config: Config, day: str | None, output: str | None, image: str | None) -> None:
    if not output or not image:
        raise click.UsageError('--runner kubeflow needs --output FILE and --image IMAGE')
    if Path(output).suffix not in ('.json', '.yaml'):
        raise click.UsageError(f'--output {output}: must end in .json or .yaml')
    days = window_of(config, day)
    quiet.prepare()
    with writing(output), quiet.output_to(Path(os.devnull)):
        from tfx_pipeline.runners.kubeflow_runner import compile_pipeline

        compile_pipeline(config, days, image, output)
    click.echo(f'wrote {output}')
