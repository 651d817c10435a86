"""The verb `evaluate`."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.sctr_evaluator.report import summary
from components.sctr_evaluator.report.file_names import JSON_FILE, REPORT_FILE
from components.sctr_evaluator.results.schema import from_json
from creative_logs.errors import InputError
from creative_logs.log_files import list_days, split_files
from creative_logs.schema import TEST, TRAIN
from tfx_pipeline.cli.options import config_option, json_option, set_option, write_json
from tfx_pipeline.config import Config, load_config
from tfx_pipeline.console import captured_output as quiet
from tfx_pipeline.console.progress import StepProgress
from tfx_pipeline.console.step_errors import input_error_in

_SAVED_MODEL = 'saved_model.pb'


@click.command()
@click.option(
    '--model',
    required=True,
    metavar='DIR',
    help='Folder of one exported version, for example serving/genco/1718841600.',
)
@click.option(
    '--logs', metavar='DIR', help='Folder of the click logs.  [default: paths.logs of the configuration]'
)
@config_option
@set_option
@click.option(
    '--baseline', metavar='DIR', help='Folder of another exported version to compare on the same rows.'
)
@click.option(
    '--days',
    metavar='DAY[..DAY]',
    help='One day or a range of days, for example 2024-06-20..2024-06-26.  [default: the held-out days of the '
    'window, or all its days if none are held out]',
)
@click.option(
    '--choices',
    metavar='FILE',
    help="Also measure another policy's choices: Parquet with request_id and <component>_choice, each choice an "
    'index or an element id.',
)
@click.option(
    '--report',
    metavar='DIR',
    help='Also write report.html, its charts as PNG files and evaluation.json to DIR.',
)
@json_option
def evaluate(model, logs, config_path, overrides, baseline, days, choices, report, json_path):
    """Measure an exported model on the test split of click logs.

    Prints the calibrated sCTR and its lift over choosing uniformly, per component and overall, with
    intervals, and whether the blessing rules of the configuration are met.

    \b
    Example:
      genco evaluate --model build/demo/serving/genco/1718841600 --config configs/demo.yaml
    """
    config = load_config(config_path, overrides)
    for folder in (model, baseline) if baseline else (model,):
        if not (Path(folder) / _SAVED_MODEL).is_file():
            raise InputError(f'{folder}: holds no {_SAVED_MODEL}; give the folder of one exported version')
    if choices is not None:
        config = config.model_copy(
            update={'evaluation': config.evaluation.model_copy(update={'choices': choices})}
        )
    test, train = _files(config, logs or config.paths.logs, days)
    result = _measure(config, test, train, model, baseline)
    write_json(json_path, result)
    _print(result)
    if report is not None:
        _write_report(Path(report), result)


def _files(config: Config, logs: str, days: str | None) -> tuple[list[Path], list[Path]]:
    """Lists the test files of the days to measure, and the train files of the other days of the window.

    If the window has no other days, the train files are those of the measured days.
    """
    known = list_days(logs)
    chosen = _held_out(config, known) if days is None else _between(known, days, logs)
    trained_on = [day for day in known[-config.window.days :] if day not in chosen] or chosen
    train = [file for day in trained_on for file in sorted((Path(logs) / day / TRAIN).glob('*.parquet'))]
    return [file for day in chosen for file in split_files(logs, day, TEST)], train


def _held_out(config: Config, known: Sequence[str]) -> Sequence[str]:
    return known[-config.window.days :][-config.window.holdout_days :]


def _between(known: Sequence[str], days: str, logs: str) -> Sequence[str]:
    first, _, last = days.partition('..')
    chosen = [day for day in known if first <= day <= (last or first)]
    if not chosen:
        raise InputError(f'{logs}: no logs of --days {days}; there are {known[0]} to {known[-1]}')
    return chosen


def _measure(config: Config, files: list[Path], train: list[Path], model: str, baseline: str | None) -> dict:
    quiet.prepare()
    with quiet.output_to(Path(os.devnull)) as terminal, StepProgress(terminal) as progress:
        progress.start('Evaluation')
        with tempfile.TemporaryDirectory() as folder, progress.follow_runner():
            path = Path(folder) / JSON_FILE
            bad_rows = _run(config, files, train, model, baseline, path)
            result = from_json(path.read_text(encoding='utf-8')) if path.exists() else None
        progress.finish()
    rows = (result['rows'] if result else 0) + bad_rows
    if bad_rows > config.checks.max_bad_share * rows:
        raise InputError(
            f'{files[0]}: {bad_rows} of {rows} test rows break the schema in {len(files)} file(s), more than '
            f'checks.max_bad_share = {config.checks.max_bad_share}; `genco check` lists them'
        )
    if result is None:
        raise InputError(f'{files[0]}: no test row in {len(files)} file(s)')
    return result


def _run(
    config: Config, files: list[Path], train: list[Path], model: str, baseline: str | None, path: Path
) -> int:
    """Writes the evaluation to `path` if there are any rows, and returns the number of bad rows."""
    import apache_beam as beam

    from components.sctr_evaluator.beam.evaluate import Evaluate, WriteJson
    from components.sctr_evaluator.rows.row_sources import BAD_ROWS, ReadParquet

    read = ReadParquet(config.log_schema)
    pipeline = beam.Pipeline(argv=['--runner=FnApiRunner'])
    (
        pipeline
        | beam.Create([str(file) for file in files])
        | 'Evaluate'
        >> Evaluate(
            read, len(files), model, baseline, config.log_schema, config.evaluation, list(map(str, train))
        )
        | WriteJson(str(path))
    )
    try:
        finished = pipeline.run()
        finished.wait_until_finish()
    except Exception as error:
        message = input_error_in(error)
        raise (InputError(message) if message else error) from error
    # Other steps, which read the rows for the comparison with the train days, count bad rows too.
    scoring = beam.metrics.MetricsFilter().with_name(BAD_ROWS).with_step('Evaluate/Score')
    counters = finished.metrics().query(scoring)['counters']
    return sum(counter.committed for counter in counters)


def _write_report(folder: Path, result: dict) -> None:
    from components.sctr_evaluator.report.page import report_files
    from components.sctr_evaluator.report.writing import write_files

    write_files(folder, report_files(result))
    write_json(str(folder / JSON_FILE), result)
    click.echo(f'wrote {folder / REPORT_FILE}')


def _print(result: dict) -> None:
    console = Console()
    console.print(summary.headline(result), highlight=False)
    for problem in summary.problems(result):
        console.print(f'- {problem}', highlight=False, markup=False, style='bold red')
    for reason in summary.reasons(result):
        console.print(f'- {reason}', highlight=False, markup=False)
    for table in summary.tables(result):
        shown = Table(title=escape(table.title), title_justify='left', title_style='bold')
        for number, column in enumerate(table.columns):
            shown.add_column(escape(column), justify='right' if number else 'left')
        for row in table.rows:
            shown.add_row(*map(escape, row))
        console.print(shown)
