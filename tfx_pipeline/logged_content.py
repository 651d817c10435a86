"""Finds the content that logged requests brought, in a catalogue."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from creative_logs.errors import InputError
from creative_logs.schema import Component
from serving.catalogue_content import read_content
from serving.client.content import ElementContent
from serving.client.contract import ContentInputs, Contract

NO_CATALOGUE, NOT_LISTED, CHANGED = 'no catalogue given', 'not in the catalogue', 'changed in the catalogue'
# The model that was asked may have taken less of the content, or more, than the one that is asked now.
_PARTS = [ContentInputs(*parts) for parts in itertools.product((True, False), (True, False), (1, 0))]


class UnknownContent(InputError):
    """The content that a logged request brought for an element is unknown.

    Attributes:
        reason: NO_CATALOGUE, NOT_LISTED or CHANGED.
        component: The name of the component.
        id: The id of the element.
    """

    def __init__(self, reason: str, component: str, id_: str):
        super().__init__(
            f'the logged request brought content for the element {id_!r} of {component!r}: {reason}'
            + ('; give --catalogue' if reason == NO_CATALOGUE else '')
        )
        self.reason, self.component, self.id = reason, component, id_


class LoggedContent:
    """The content that logged requests brought.

    A row of the decision log refers to the content of each candidate that came with some. A row of another log
    does not say; there, every candidate that the catalogue lists comes with its content.

    Args:
        contract: The inputs of the served model.
        catalogue: The Parquet file of the catalogue, or the folder of its files; None if there is none.
        rows: All rows that will be asked for, as mappings of columns to values; read only with a catalogue.

    Attributes:
        unknown: The number of rows whose content is unknown, by reason.
        first: The first of these, as its reason, component and id; None if there is none.

    Raises:
        InputError: The catalogue cannot be read, or the content of an element breaks a rule.
    """

    def __init__(self, contract: Contract, catalogue: str | None, rows: Iterable[Mapping] = ()):
        self._components = [Component(name=name) for name in contract.content]
        self._has_catalogue = catalogue is not None
        self._contents: Mapping[str, Mapping[str, ElementContent]] = {}
        self.unknown: Counter[str] = Counter()
        self.first: dict[str, str] | None = None
        if catalogue is not None:
            self._contents = read_content(catalogue, self._wanted(rows))

    def knows(self, row: Mapping, component: str) -> bool:
        """Whether the content of the component in a row comes from a catalogue, or is known to be none."""
        return self._has_catalogue or row.get(Component(name=component).content_references) is not None

    def of(self, row: Mapping) -> dict[str, dict[str, ElementContent]]:
        """The content that the request of a row brought, by component and id.

        Raises:
            UnknownContent: The catalogue is not given or lacks it.
        """
        return {component.name: self._of(row, component) for component in self._components}

    def count(self, unknown: UnknownContent) -> None:
        """Counts a row whose content is unknown."""
        self.unknown[unknown.reason] += 1
        if self.first is None:
            self.first = {'reason': unknown.reason, 'component': unknown.component, 'id': unknown.id}

    def to_json(self) -> dict:
        """The counts as plain numbers, strings and mappings."""
        return {'unknown': dict(self.unknown), 'first': self.first}

    def _of(self, row: Mapping, component: Component) -> dict[str, ElementContent]:
        listed = self._contents.get(component.name, {})
        found = {}
        for id_, reference in _references(row, component):
            content = listed.get(id_)
            if reference is not None:
                if content is None:
                    reason = NOT_LISTED if self._has_catalogue else NO_CATALOGUE
                    raise UnknownContent(reason, component.name, id_)
                if reference not in (content.reference(parts) for parts in _PARTS):
                    raise UnknownContent(CHANGED, component.name, id_)
            if content is not None:
                found[id_] = content
        return found

    def _wanted(self, rows: Iterable[Mapping]) -> dict[str, set[str]]:
        wanted: dict[str, set[str]] = {component.name: set() for component in self._components}
        for row in rows:
            for component in self._components:
                wanted[component.name].update(id_ for id_, _ in _references(row, component))
        return wanted


def _references(row: Mapping, component: Component) -> Iterator[tuple[str, int | None]]:
    """The candidates that may have come with content, and a reference to it; None if the row does not say."""
    candidates = row.get(component.candidates) or []
    references = row.get(component.content_references)
    if references is None:
        yield from ((id_, None) for id_ in candidates)
    else:
        yield from ((id_, reference) for id_, reference in zip(candidates, references) if reference)
