"""The summary of a run, read from ML Metadata and the artifacts, as JSON and as a table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from components.sctr_evaluator.report.file_names import JSON_FILE, REPORT_FILE
from components.sctr_evaluator.report.summary import problems, reasons
from components.sctr_evaluator.results.blessing import percent
from tfx_pipeline.config import Config
from tfx_pipeline.run_records.catalogue_figures import catalogue_of
from tfx_pipeline.run_records.metadata_store import StepRecord


@dataclass(frozen=True)
class Step:
    """One step of a run; `cached` tells whether the result of an earlier run was reused."""

    name: str
    cached: bool
    seconds: float


@dataclass(frozen=True)
class RunSummary:
    """A finished run.

    Attributes:
        name: The name of the pipeline.
        days: The days of the window, oldest first.
        rows: The number of rows read for the newest day.
        bad_rows: The number of these rows that were quarantined.
        catalogue: The content of the catalogue's `report.json`; None without a catalogue.
        steps: The steps of the run for the newest day.
        model: The folder of the trained model.
        evaluation: The content of `evaluation.json`.
        report: The HTML page that shows the evaluation.
        blessed: Whether the model may be served.
        pushed_to: The folder of the pushed version; None if nothing was pushed.
    """

    name: str
    days: tuple[str, ...]
    rows: int
    bad_rows: int
    catalogue: dict[str, Any] | None
    steps: tuple[Step, ...]
    model: str
    evaluation: dict[str, Any]
    report: str
    blessed: bool
    pushed_to: str | None

    def to_json(self) -> dict[str, Any]:
        """Returns the summary as values that JSON can represent."""
        return asdict(self)


def summarise(config: Config, days: Sequence[str], records: Mapping[str, StepRecord]) -> RunSummary:
    """Collects the figures of a finished run.

    Args:
        config: The configuration of the run.
        days: The days of the window, oldest first.
        records: The steps of the run, by node id.
    """
    examples = records['LogExampleGen'].output('examples')
    result, report, pushed_to = evaluation_of(records)
    return RunSummary(
        name=config.name,
        days=tuple(days),
        rows=examples.custom_properties['rows'].int_value,
        bad_rows=examples.custom_properties['bad_rows'].int_value,
        catalogue=catalogue_of(records),
        steps=steps_of(records),
        model=records['Trainer'].output('model').uri,
        evaluation=result,
        report=report,
        blessed=result['verdict']['blessed'],
        pushed_to=pushed_to,
    )


def steps_of(records: Mapping[str, StepRecord]) -> tuple[Step, ...]:
    """The steps of a run, in the order in which they ran."""
    return tuple(Step(record.name, record.cached, record.seconds) for record in records.values())


def evaluation_of(records: Mapping[str, StepRecord]) -> tuple[dict[str, Any], str, str | None]:
    """The content of `evaluation.json`, the HTML page that shows it, and the folder of the pushed version, if any."""
    evaluation = Path(records['SctrEvaluator'].output('evaluation').uri)
    pushed = records['AtomicPusher'].output('pushed_model').custom_properties
    return (
        json.loads((evaluation / JSON_FILE).read_text(encoding='utf-8')),
        str(evaluation / REPORT_FILE),
        pushed['pushed_destination'].string_value if pushed['pushed'].int_value else None,
    )


def to_table(summary: RunSummary) -> Table:
    """Returns a table of what was trained, measured, blessed and pushed."""
    table = Table(title=f'Pipeline {summary.name}', show_header=False)
    table.add_row('days', shown_days(summary.days))
    table.add_row('logs', f'{summary.rows:,} rows on the newest day, {summary.bad_rows:,} quarantined')
    if summary.catalogue is not None:
        table.add_row('catalogue', shown_catalogue(summary.catalogue))
    trainer = next(step for step in summary.steps if step.name == 'Trainer')
    table.add_row('trained', shown_model(summary.model, trainer))
    add_evaluation(table, summary.evaluation, summary.report, summary.pushed_to)
    return table


def add_evaluation(table: Table, evaluation: dict[str, Any], report: str, pushed_to: str | None) -> None:
    """Adds to the table of a run what was measured, blessed and pushed.

    Args:
        table: A table of two columns.
        evaluation: The content of `evaluation.json`.
        report: The HTML page that shows the evaluation.
        pushed_to: The folder of the pushed version; None if nothing was pushed.
    """
    table.add_row('measured', '\n'.join(_measured(evaluation)))
    for problem in problems(evaluation):
        table.add_row('[red]beware', escape(problem))
    table.add_row('blessed', _blessed(evaluation['verdict']))
    table.add_row('because', escape('\n'.join(reasons(evaluation))))
    table.add_row('report', shown_path(report))
    table.add_row('pushed', shown_path(pushed_to) if pushed_to else 'nothing: the model is not blessed')


def shown_path(path: str | Path) -> str:
    """Returns the path relative to the working directory, or the absolute path if it lies outside."""
    path, here = Path(path).absolute(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def shown_days(days: Sequence[str]) -> str:
    """Returns the days of a window in words."""
    return days[0] if len(days) == 1 else f'{len(days)} from {days[0]} to {days[-1]}'


def shown_catalogue(figures: Mapping[str, Any]) -> str:
    """Returns the content of the catalogue's `report.json` in words, as a cell of a table."""
    components = figures['components']
    elements = sum(counts['elements'] for counts in components.values())
    described = ', '.join(
        f'{sum(counts[key] for counts in components.values()):,} with {text}'
        for key, text in (('texts', 'text'), ('attributes', 'attributes'), ('vectors', 'vector'))
    )
    lines = [f'{elements:,} elements ({described}), {figures["bad_elements"]:,} bad']
    lacking = [
        f'{name} {missing["ids"]:,} ({missing["impressions"] / figures["impressions"] * 100:.1f} % of impressions)'
        for name, missing in figures['missing'].items()
        if missing['ids']
    ]
    if lacking:
        lines.append(f'candidates it lacks: {", ".join(lacking)}')
    return escape('\n'.join(lines))


def shown_model(model: str, step: Step) -> str:
    """Returns the folder of a model and how long the step took that made it."""
    return f'{shown_path(model)} ({"unchanged" if step.cached else f"in {step.seconds:.0f} s"})'


def _blessed(verdict: Mapping[str, Any]) -> str:
    if verdict['forced'] is not None:
        return f'[red]forced: {escape(verdict["forced"])}'
    return '[green]yes' if verdict['blessed'] else '[red]no'


def _measured(result: dict[str, Any]) -> list[str]:
    levels = result['policies'][result['config']['blessing_policy']]
    return [f'{result["rows"]:,} rows of uniform traffic; lift of the sCTR over uniform:'] + [
        f'  {level}: {_lift(figures["lift_over_uniform"], result["config"]["confidence"])}'
        for level, figures in levels.items()
    ]


def _lift(estimate: Mapping[str, Any], confidence: float) -> str:
    if estimate['value'] is None:
        return f'unknown, as {estimate["problem"]}'
    if estimate['low'] is None:
        return f'{percent(estimate["value"])} %, no interval, as {estimate["problem"]}'
    low, high = percent(estimate['low']), percent(estimate['high'])
    return f'{percent(estimate["value"])} % ({confidence * 100:g} % interval {low} to {high})'
