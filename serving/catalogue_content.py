"""Reads the content of elements from a catalogue, for requests; without TensorFlow."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from creative_logs.catalogue.read import catalogue_files, read_catalogue
from creative_logs.catalogue.schema import ATTRIBUTES, COMPONENT, ELEMENT_ID, TEXT, VECTOR
from creative_logs.errors import InputError
from serving.client.content import ElementContent

_COLUMNS = (COMPONENT, ELEMENT_ID, TEXT, ATTRIBUTES, VECTOR)


def read_content(
    path: str | Path, wanted: Mapping[str, Collection[str]] | None = None
) -> dict[str, dict[str, ElementContent]]:
    """Reads elements of a catalogue as `SelectRequest.content`.

    Only the wanted elements are kept in memory. Where an element is listed more than once, the first row counts.

    Args:
        path: A Parquet file of a catalogue, or a folder of such files.
        wanted: The ids of the elements to read, by component; None for all.

    Returns:
        The content by component and id; elements that the catalogue does not list are absent.

    Raises:
        InputError: The catalogue cannot be read, or the content of an element breaks a rule.
    """
    ids = (
        None
        if wanted is None
        else pa.array(sorted({i for each in wanted.values() for i in each}), pa.string())
    )
    found: dict[str, dict[str, ElementContent]] = {}
    for file in catalogue_files(path):
        for batch in read_catalogue(file, _COLUMNS):
            rows = batch if ids is None else batch.filter(pc.is_in(batch.column(ELEMENT_ID), ids))
            vectors = rows.column(VECTOR)
            for place, row in enumerate(rows.drop_columns([VECTOR]).to_pylist()):
                component, id_ = row[COMPONENT], row[ELEMENT_ID]
                if wanted is not None and id_ not in wanted.get(component, ()):
                    continue
                of_component = found.setdefault(component, {})
                if id_ not in of_component:
                    of_component[id_] = _content(file, row, vectors[place])
    return found


def _content(file: Path, row: dict, vector: pa.ListScalar) -> ElementContent:
    try:
        values = vector.values.to_numpy(zero_copy_only=False) if vector.is_valid and len(vector) else None
        return ElementContent(row[TEXT] or '', row[ATTRIBUTES] or (), values)
    except InputError as error:
        raise InputError(f'{file}: element {row[ELEMENT_ID]!r} of {row[COMPONENT]!r}: {error}') from error
