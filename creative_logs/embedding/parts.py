"""The rows to embed, in parts of bounded size: from a catalogue, or from the texts in logs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creative_logs.catalogue.read import catalogue_files, read_catalogue
from creative_logs.catalogue.schema import COMPONENT, ELEMENT_ID, TEXT, arrow_schema
from creative_logs.checks.conform import convert_column
from creative_logs.checks.rules import holds, invalid_utf8, list_lengths
from creative_logs.embedding.sources import Source, read_sources
from creative_logs.errors import InputError
from creative_logs.log_files import list_days, split_files
from creative_logs.schema import SPLITS, Component, LogSchema

_BATCH_ROWS = 4096


@dataclass(frozen=True)
class Part:
    """Rows of a catalogue.

    Attributes:
        origin: The file or folder that they come from, for messages.
        rows: R rows with the columns of `arrow_schema`.
        sources: What made their vectors, by component, as far as it is recorded.
    """

    origin: str
    rows: pa.RecordBatch
    sources: Mapping[str, Source]

    def strings(self, column: str) -> list[str | None]:
        """The values of a column of strings, [R].

        Raises:
            InputError: A value is not UTF-8.
        """
        try:
            return self.rows.column(column).to_pylist()
        except UnicodeDecodeError as error:
            raise InputError(f'{self.origin}: column {column!r} must be UTF-8: {error}') from error


def catalogue_parts(path: str | Path) -> Iterator[Part]:
    """Yields the rows of a catalogue, a Parquet file or a folder of such files.

    Raises:
        InputError: A file cannot be read, or a column is unknown, missing or of the wrong type.
    """
    for file in catalogue_files(path):
        sources = read_sources(file)
        for rows in read_catalogue(file):
            yield Part(str(file), rows, sources)


class LoggedTexts:
    """The distinct candidates in logs with their texts: a catalogue with one row per component and id.

    Where an id had several texts, the one of the newest day is taken. Rows whose texts do not fit their
    candidates are passed over, as by `genco run`.

    Args:
        root: The folder of the logs.
        schema: The log schema. Components with neither `text` nor `content.text` are passed over.

    Raises:
        InputError: The logs cannot be read, or hold no texts.

    Attributes:
        changed: The number of ids that had several texts.
    """

    def __init__(self, root: str | Path, schema: LogSchema):
        self._root = str(root)
        self._texts: dict[str, dict[str, str]] = {}
        changed: set[tuple[str, str]] = set()
        for day in list_days(root):
            for file in (file for split in SPLITS for file in split_files(root, day, split)):
                for component, pairs in _pairs(file, schema):
                    texts = self._texts.setdefault(component, {})
                    for element, text in pairs:
                        if texts.get(element, text) != text:
                            changed.add((component, element))
                        texts[element] = text
        self.changed = len(changed)
        if not self._texts:
            names = ', '.join(component.texts for component in _with_texts(schema))
            raise InputError(
                f'{root}: holds no texts: expected at least one column {names or "<component>_text"} of a component '
                'with text: true or content.text: true in the configuration'
            )

    def parts(self) -> Iterator[Part]:
        """Yields the rows of the catalogue."""
        for component, texts in self._texts.items():
            ids, values = list(texts), list(texts.values())
            for start in range(0, len(ids), _BATCH_ROWS):
                chosen = slice(start, start + _BATCH_ROWS)
                columns = {ELEMENT_ID: ids[chosen], TEXT: values[chosen]}
                columns[COMPONENT] = [component] * len(columns[ELEMENT_ID])
                yield Part(self._root, _catalogue_rows(columns), {})


def _catalogue_rows(columns: Mapping[str, list[str]]) -> pa.RecordBatch:
    rows = len(columns[ELEMENT_ID])
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
        for field in arrow_schema()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema())


def _with_texts(schema: LogSchema) -> list[Component]:
    return [c for c in schema.components if c.text or (c.content is not None and c.content.text)]


def _pairs(file: Path, schema: LogSchema) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yields the distinct pairs of id and text of each component, batch by batch."""
    try:
        with pq.ParquetFile(file) as parquet:
            names = parquet.schema_arrow.names
            for component in _with_texts(schema):
                columns = [component.candidates, component.texts]
                if set(columns) <= set(names):
                    for batch in parquet.iter_batches(_BATCH_ROWS, columns=columns):
                        yield component.name, _distinct(batch, component, str(file))
    except (pa.ArrowException, OSError) as error:
        message = ' '.join(str(error).split())
        raise InputError(
            f'{file}: cannot be read as Parquet: {message}; write it again or remove it'
        ) from error


def _distinct(batch: pa.RecordBatch, component: Component, file: str) -> list[tuple[str, str]]:
    strings = pa.list_(pa.string())
    ids, texts = (
        convert_column(batch.column(name), pa.field(name, strings), file)
        for name in (component.candidates, component.texts)
    )
    good = list_lengths(ids) == list_lengths(texts)
    for column in (ids, texts):
        good &= ~holds(column, pc.is_null) & ~invalid_utf8(column)
    if not np.all(good):
        ids, texts = ids.filter(pa.array(good)), texts.filter(pa.array(good))
    pairs = pa.table({ELEMENT_ID: ids.flatten(), TEXT: texts.flatten()})
    distinct = pairs.group_by([ELEMENT_ID, TEXT], use_threads=False).aggregate([])
    return list(zip(distinct[ELEMENT_ID].to_pylist(), distinct[TEXT].to_pylist()))
