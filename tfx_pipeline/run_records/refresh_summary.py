"""The summary of a refresh, read from ML Metadata and the artifacts, as JSON and as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from tfx_pipeline.config import Config
from tfx_pipeline.run_records.catalogue_figures import catalogue_of
from tfx_pipeline.run_records.metadata_store import StepRecord
from tfx_pipeline.run_records.run_summary import (
    Step,
    add_evaluation,
    evaluation_of,
    shown_catalogue,
    shown_days,
    shown_model,
    steps_of,
)

_COUNTS = ('before', 'after', 'new', 'changed', 'gone')


@dataclass(frozen=True)
class RefreshSummary:
    """A finished refresh.

    Attributes:
        name: The name of the pipeline.
        days: The days of the window, oldest first.
        catalogue: The content of the catalogue's `report.json`.
        elements: How many elements the serving model listed (`before`), how many the refreshed one lists
            (`after`), and how many of them are `new`, have `changed` and are `gone`.
        steps: The steps of the refresh.
        model: The folder of the refreshed model.
        evaluation: The content of `evaluation.json`; None if no element is new, changed or gone, so that the
            model was neither evaluated nor pushed.
        report: The HTML page that shows the evaluation; None as above.
        blessed: Whether the model may be served; None as above.
        pushed_to: The folder of the pushed version; None if nothing was pushed.
    """

    name: str
    days: tuple[str, ...]
    catalogue: dict[str, Any] | None
    elements: dict[str, int]
    steps: tuple[Step, ...]
    model: str
    evaluation: dict[str, Any] | None
    report: str | None
    blessed: bool | None
    pushed_to: str | None

    def to_json(self) -> dict[str, Any]:
        """Returns the summary as values that JSON can represent."""
        return asdict(self)


def summarise_refresh(
    config: Config, days: Sequence[str], records: Mapping[str, StepRecord]
) -> RefreshSummary:
    """Collects the figures of a finished refresh.

    Args:
        config: The configuration of the run.
        days: The days of the window, oldest first.
        records: The steps of the refresh, by node id.
    """
    model = records['ModelRefresher'].output('refreshed_model')
    evaluated = evaluation_of(records) if model.custom_properties['differences'].int_value else None
    result, report, pushed_to = evaluated or (None, None, None)
    return RefreshSummary(
        name=config.name,
        days=tuple(days),
        catalogue=catalogue_of(records),
        elements={name: model.custom_properties[name].int_value for name in _COUNTS},
        steps=steps_of(records),
        model=model.uri,
        evaluation=result,
        report=report,
        blessed=result['verdict']['blessed'] if result else None,
        pushed_to=pushed_to,
    )


def to_refresh_table(summary: RefreshSummary) -> Table:
    """Returns a table of what was refreshed, measured, blessed and pushed."""
    table = Table(title=f'Pipeline {summary.name}', show_header=False)
    if summary.catalogue is not None:
        table.add_row('catalogue', shown_catalogue(summary.catalogue))
    refresher = next(step for step in summary.steps if step.name == 'ModelRefresher')
    table.add_row('refreshed', shown_model(summary.model, refresher))
    counts = {name: f'{count:,}' for name, count in summary.elements.items()}
    table.add_row(
        'elements',
        f'{counts["before"]} before, {counts["after"]} now: {counts["new"]} new, {counts["changed"]} changed, '
        f'{counts["gone"]} gone',
    )
    if summary.evaluation is None or summary.report is None:
        table.add_row('pushed', 'nothing: the serving model knows this catalogue already')
        return table
    table.add_row('evaluated on', shown_days(summary.days))
    add_evaluation(table, summary.evaluation, summary.report, summary.pushed_to)
    return table
