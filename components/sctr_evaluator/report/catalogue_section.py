"""The section of the report about the element catalogue."""

from collections.abc import Iterator

from components.sctr_evaluator.report.sections import Section
from components.sctr_evaluator.report.summary import TextTable

_COLUMNS = ('', 'elements', 'with text', 'with attributes', 'with vector', 'ids it lacks', 'impressions')


def catalogue_section(catalogue: dict) -> Section:
    """Builds the section.

    Args:
        catalogue: The content of the `report.json` of an `ElementCatalogue`.
    """
    table = TextTable('By component', _COLUMNS, tuple(_rows(catalogue)))
    return Section('Element catalogue', tuple(_sentences(catalogue)), tables=(table,))


def _sentences(catalogue: dict) -> Iterator[str]:
    elements = sum(counts['elements'] for counts in catalogue['components'].values())
    yield f'The catalogue lists {elements:,} elements of components with content.'
    if catalogue['bad_elements']:
        yield (
            f'{catalogue["bad_elements"]:,} more elements break a rule and are left out; most often: '
            f'{catalogue["rules"][0]["rule"]}.'
        )
    if catalogue['unused']:
        unused = ', '.join(f'{name} {number:,}' for name, number in catalogue['unused'].items())
        yield f'Elements of components without content are not read: {unused}.'
    lacking = {name: found for name, found in catalogue['missing'].items() if found['ids']}
    if not lacking:
        yield 'It lists every candidate in the logs of these components.'
        return
    examples = '; '.join(f'{name}: {", ".join(found["examples"])}' for name, found in lacking.items())
    yield (
        'Candidates in the logs that it lacks are judged by their clicks alone. The last column is the share of '
        f'impressions with at least one of them among the candidates. The first ids of these are {examples}.'
    )


def _rows(catalogue: dict) -> Iterator[tuple[str, ...]]:
    for name, counts in catalogue['components'].items():
        missing = catalogue['missing'][name]
        share = missing['impressions'] / catalogue['impressions'] if catalogue['impressions'] else 0
        numbers = (*(counts[key] for key in ('elements', 'texts', 'attributes', 'vectors')), missing['ids'])
        yield name, *(f'{number:,}' for number in numbers), f'{share * 100:.1f} %'
