"""Writes an evaluation as one self-contained HTML page, and its charts as PNG."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from components.sctr_evaluator.report.catalogue_section import catalogue_section
from components.sctr_evaluator.report.charts.png import to_png
from components.sctr_evaluator.report.charts.svg import to_svg
from components.sctr_evaluator.report.file_names import JSON_FILE, REPORT_FILE
from components.sctr_evaluator.report.head import head_of
from components.sctr_evaluator.report.sections import Past, sections_of
from components.sctr_evaluator.report.summary import tables

_TEMPLATE = 'report.html'
_WIDE, _NARROW = 760, 300


class Link(NamedTuple):
    """A link to another artifact; `path` is relative to the folder of the report."""

    text: str
    path: str


def report_files(
    result: dict, history: Sequence[Past] = (), links: Sequence[Link] = (), catalogue: dict | None = None
) -> dict[str, bytes]:
    """Returns the report of an evaluation and a PNG file of each of its charts.

    All text is escaped, because component names, feature values and reasons come from logs and users.

    Args:
        result: The evaluation; see `results.evaluation.evaluate`.
        history: The evaluations of the pipeline including this one, oldest first; empty if not known.
        links: The links to the pipeline's other artifacts.
        catalogue: The content of the `report.json` of an `ElementCatalogue`, or None if there is no catalogue.

    Returns:
        The contents of `report.html` and of the PNG files, by file name.
    """
    sections = sections_of(result, history)
    if catalogue is not None:
        sections.append(catalogue_section(catalogue))
    page = _environment().get_template(_TEMPLATE).render(
        head=head_of(result),
        sections=sections,
        tables=tables(result),
        links=links,
        json_file=JSON_FILE,
        config=result['config'],
        wide=_WIDE,
        narrow=_NARROW,
    )  # fmt: skip
    files = {REPORT_FILE: page.encode()}
    for section in sections:
        for figure in section.figures:
            files[f'{figure.name}.png'] = to_png(figure.draw(_WIDE))
    return files


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, '.'),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_unbroken,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {'svg': to_svg, 'address': quote}
    return environment


def _unbroken(value: object) -> object:
    """Replaces the space before a percent sign, so that no line breaks between a number and its unit."""
    return value.replace(' %', '\u00a0%') if isinstance(value, str) else value
