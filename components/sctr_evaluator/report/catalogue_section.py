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
    yield f'Elements of components with content: {elements:,}.'
    if catalogue['bad_elements']:
        rule = catalogue['rules'][0]['rule']
        yield f'Left out because they break a rule: {catalogue["bad_elements"]:,}; most often: {rule}.'
    if catalogue['unused']:
        unused = ', '.join(f'{name} {number:,}' for name, number in catalogue['unused'].items())
        yield f'Not read, as their component has no content: {unused}.'
    lacking = {name: found['examples'] for name, found in catalogue['missing'].items() if found['ids']}
    if not lacking:
        yield 'It lists every candidate in the logs of these components.'
        return
    examples = '; '.join(f'{name}: {", ".join(ids)}' for name, ids in lacking.items())
    yield (
        'The model judges a candidate that the catalogue lacks by its clicks alone. The last column is the share '
        f'of impressions in which there was one. The first of these ids are {examples}.'
    )


def _rows(catalogue: dict) -> Iterator[tuple[str, ...]]:
    for name, counts in catalogue['components'].items():
        missing = catalogue['missing'][name]
        share = missing['impressions'] / catalogue['impressions'] if catalogue['impressions'] else 0
        numbers = (*(counts[key] for key in ('elements', 'texts', 'attributes', 'vectors')), missing['ids'])
        yield name, *(f'{number:,}' for number in numbers), f'{share * 100:.1f} %'
