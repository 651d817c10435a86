"""The verbs for click logs and catalogues: `simulate`, `convert` and `check`."""

import os
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from creative_logs.catalogue.check import CatalogueChecker, CatalogueReport
from creative_logs.catalogue.coverage import CatalogueCoverage
from creative_logs.catalogue.schema import COMPONENT, ELEMENT_ID
from creative_logs.checks.check_logs import LogReport, check_logs
from creative_logs.checks.check_rows import REASON
from creative_logs.errors import InputError
from creative_logs.schema import SPLITS
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.truth import Truth
from creative_logs.simulator.write import simulate as write_simulated_logs
from creative_logs.upworthy.convert import convert as convert_upworthy
from tfx_pipeline.cli.options import (
    config_option,
    json_option,
    property_option,
    set_option,
    simulator_config,
    write_json,
)
from tfx_pipeline.cli.progress_bar import progress_bar
from tfx_pipeline.config import load_config

_DEFAULTS = SimulatorConfig()
_out_option = click.option(
    '--out', required=True, metavar='DIR', help='Folder to write; it must be empty or absent.'
)


@click.command()
@_out_option
@click.option('--ads', type=int, default=_DEFAULTS.ads, show_default=True, help='Number of ads.')
@click.option('--users', type=int, default=_DEFAULTS.users, show_default=True, help='Number of users.')
@click.option('--days', type=int, default=_DEFAULTS.days, show_default=True, help='Number of days.')
@click.option('--rows', type=int, help='Impressions per day in both splits together.  [default: 4.6 per ad]')
@click.option('--ctr', type=float, default=_DEFAULTS.ctr, show_default=True, help='Mean click-through rate.')
@click.option(
    '--test-share',
    type=float,
    default=_DEFAULTS.test_share,
    show_default=True,
    help='Share of the impressions that the uniform random policy serves (the test split).',
)
@click.option(
    '--seed', type=int, default=_DEFAULTS.seed, show_default=True, help='Seed of the simulated world.'
)
@click.option(
    '--start-day',
    default=_DEFAULTS.start_day.isoformat(),
    show_default=True,
    metavar='YYYY-MM-DD',
    help='First day.',
)
@property_option
@click.option(
    '--workers',
    type=click.IntRange(1),
    default=os.cpu_count(),
    help='Number of processes.  [default: one per core]',
)
@json_option
def simulate(out: str, workers: int, properties: dict, json_path: str | None, **given):
    """Write simulated click logs whose true CTRs are known.

    The ads have six components with the dimensions of those in the GenCO paper. DIR/truth.json stores the
    truth, from which the CTR of any combination of elements can be computed later, and DIR/catalogue.parquet
    what is known of the elements.

    \b
    Example, 10 days of logs on which a model trains within minutes:
      genco simulate --out build/logs --ads 300 --days 10 --rows 25000 --test-share 0.2
    """
    config = simulator_config(given | properties)
    total = config.days * sum(config.rows_of(split) for split in SPLITS)
    with progress_bar('simulating', 'rows') as advance:
        done = 0

        def count(rows: int) -> None:
            nonlocal done
            done += rows
            advance(done, total)

        write_simulated_logs(config, out, workers, count)
    rows_per_day = {split: config.rows_of(split) for split in SPLITS}
    figures = {
        'days': config.days,
        'rows_per_day': rows_per_day,
        'component_importance': Truth.from_logs(out).component_importance(),
    }
    write_json(json_path, figures)
    table = Table('split', 'rows per day', 'rows', title=f'{out}: {config.days} days from {config.start_day}')
    for split, rows in rows_per_day.items():
        table.add_row(split, f'{rows:,}', f'{rows * config.days:,}')
    Console().print(table)


@click.command()
@click.argument('source')
@_out_option
@click.option(
    '--train-share',
    type=float,
    default=0.1,
    show_default=True,
    help='Share of all impressions to train on, at most 0.5; half of all impressions are for testing.',
)
@click.option(
    '--seed',
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help='Seed of the assignment of impressions to splits.',
)
@click.option(
    '--max-weight',
    type=int,
    default=64,
    show_default=True,
    help='Most impressions without a click per training row; with 1, each impression is a row.',
)
@json_option
def convert(source: str, out: str, train_share: float, seed: int, max_weight: int, json_path: str | None):
    """Convert the Upworthy Research Archive to click logs.

    SOURCE is the archive's CSV file of packages, or a Parquet file with the same columns. Each test becomes
    an ad, each month a folder, and DIR/catalogue.parquet lists the texts. Tests from weeks in which viewers
    were probably not assigned at random are left out.

    \b
    Example:
      genco convert upworthy-archive-exploratory-packages.csv --out build/upworthy/logs
    """
    with progress_bar('converting', 'months') as advance:
        figures = convert_upworthy(source, out, train_share, seed, max_weight, advance)
    write_json(json_path, figures)
    title = f'{out}: {figures["packages"]:,} packages of {figures["tests"]:,} tests'
    table = Table('split', 'rows', 'impressions', 'clicks', 'CTR', title=title)
    for split in SPLITS:
        rows, impressions, clicks = (figures[split][key] for key in ('rows', 'impressions', 'clicks'))
        table.add_row(split, f'{rows:,}', f'{impressions:,}', f'{clicks:,}', f'{clicks / impressions:.2%}')
    Console().print(table)


@click.command()
@config_option
@set_option
@click.option(
    '--logs', metavar='DIR', help='Folder of the logs to check.  [default: paths.logs of the configuration]'
)
@click.option('--quarantine', metavar='DIR', help='Folder to write the bad rows to, each with its reason.')
@click.option(
    '--catalogue',
    metavar='PATH',
    help='Element catalogue to check too, a Parquet file or a folder of them.  [default: paths.catalogue]',
)
@click.option('--no-logs', is_flag=True, help='Check the catalogue alone.')
@json_option
def check(
    config_path: str,
    overrides: tuple[str, ...],
    logs: str | None,
    quarantine: str | None,
    catalogue: str | None,
    no_logs: bool,
    json_path: str | None,
):
    """Check click logs, and an element catalogue, against the configuration.

    Reads every row of every day and counts the bad rows by the rule that they break. If their share in a day
    or in the catalogue exceeds checks.max_bad_share, the exit code is 2. With a catalogue, the candidates in
    the logs that it lacks are counted too.

    \b
    Examples:
      genco check --config configs/demo.yaml --quarantine build/quarantine
      genco check --config configs/demo.yaml --catalogue build/logs/catalogue.parquet
    """
    config = load_config(config_path, overrides)
    catalogue = catalogue or config.paths.catalogue
    if no_logs and (catalogue is None or logs is not None or quarantine is not None):
        raise InputError('--no-logs: needs a catalogue and excludes --logs and --quarantine')
    schema, limit = config.log_schema, config.checks.max_bad_share
    reports: list[LogReport | CatalogueReport] = []
    figures: dict = {}
    compare = None
    if catalogue is not None:
        checker, coverage = CatalogueChecker(schema), CatalogueCoverage(schema)
        for elements in checker.good_rows(catalogue):
            coverage.add_elements(elements)
        reports.append(checker.report)
        compare = coverage.add_impressions
    if not no_logs:
        root = logs or config.paths.logs
        with progress_bar('checking', 'days') as advance:
            report = check_logs(root, schema, quarantine, progress=advance, use_good_rows=compare)
        reports.append(report)
        figures |= report.to_json()
        _print_report(root, report)
    if catalogue is not None:
        figures['catalogue'] = checker.report.to_json() | coverage.to_json()
        _print_catalogue(catalogue, checker.report, coverage)
    write_json(json_path, figures)
    for each in reports:
        each.refuse_above(limit)


def _print_report(root: str, report: LogReport) -> None:
    console = Console()
    title = f'{root}: {report.rows:,} rows, {report.bad_rows:,} bad'
    table = Table('day', 'split', 'rows', 'bad rows', title=title)
    for split in report.splits:
        table.add_row(split.day, split.split, f'{split.rows:,}', f'{split.bad_rows:,}')
    console.print(table)
    if report.bad_rows == 0:
        return
    table = Table('day', 'split', 'rows', 'broken rule, and the first value', 'first in', title='Bad rows')
    for split in report.splits:
        for rule in split.rules:
            where, example = Path(rule.file).name, escape(str(rule.example[REASON]))
            table.add_row(split.day, split.split, f'{rule.rows:,}', example, where)
    console.print(table)


def _print_catalogue(path: str, report: CatalogueReport, coverage: CatalogueCoverage) -> None:
    console, tally = Console(), report.tally
    title = f'{path}: {tally.rows:,} elements, {tally.bad_rows:,} bad'
    table = Table('component', 'elements', 'with text', 'with attributes', 'with vector', title=title)
    for name, counts in report.components.items():
        numbers = counts.elements, counts.texts, counts.attributes, counts.vectors
        table.add_row(name, *(f'{number:,}' for number in numbers))
    for name, number in report.unused.items():
        table.add_row(f'{name} (not read)', f'{number:,}')
    console.print(table)
    if tally.bad_rows:
        table = Table('elements', 'broken rule, and the first value', 'component', 'id', 'first in')
        table.title = 'Bad elements'
        for rule in tally.by_rows():
            example = (str(rule.example[column]) for column in (REASON, COMPONENT, ELEMENT_ID))
            table.add_row(f'{rule.rows:,}', *map(escape, example), Path(rule.file).name)
        console.print(table)
    if coverage.impressions:
        table = Table('component', 'ids', 'impressions', 'share', 'first ids')
        table.title = 'Candidates in the logs that the catalogue lacks'
        for name, missing in coverage.missing.items():
            share = f'{missing.impressions / coverage.impressions:.1%}'
            ids = escape(', '.join(missing.examples))
            table.add_row(name, f'{missing.ids:,}', f'{missing.impressions:,.0f}', share, ids)
        console.print(table)
