"""Fills the vectors of a catalogue with what an encoder makes of the elements' texts or pictures."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.atomic_write import new_file
from creative_logs.catalogue.schema import COMPONENT, TEXT, VECTOR, arrow_schema
from creative_logs.embedding.encoder import Encoder, encode
from creative_logs.embedding.fates import EarlierVectors, Fate, Row, Selection, find_fates
from creative_logs.embedding.parts import Part
from creative_logs.embedding.sources import Source, metadata_of
from creative_logs.embedding.survey import ComponentCounts, survey
from creative_logs.embedding.vector_store import VectorStore

_REPEATED = [COMPONENT, TEXT, 'attributes.list.element']  # a dictionary of vectors would only cost time


@dataclass(frozen=True)
class EmbedReport:
    """What was done.

    Attributes:
        values: The number of distinct values that the encoder was given.
        components: The numbers of elements, by component.
        sources: The source of the vectors, by component, where it is known.
    """

    values: int
    components: dict[str, ComponentCounts]
    sources: dict[str, Source]

    def to_json(self) -> dict:
        """The report as plain numbers, strings and mappings."""
        return {
            'values': self.values,
            'components': {name: asdict(counts) for name, counts in self.components.items()},
            'sources': {name: source._asdict() for name, source in self.sources.items()},
        }


def embed(
    read: Callable[[], Iterable[Part]],
    out: Path,
    encoder: Encoder,
    selection: Selection,
    *,
    earlier_output: Path | None = None,
    batch_size: int = 256,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> EmbedReport:
    """Writes a catalogue whose elements have vectors.

    Elements that have a vector keep it, unless `selection.again`. Elements that had the same id and the same text
    (or picture) in the earlier output take its vector. Of the others, each distinct value is embedded once. The
    memory needed does not depend on the dimension of the vectors; of each value, its 64-bit hash is kept.

    Args:
        read: Returns the rows of the input; it is called twice.
        out: The Parquet file to write. It appears when it is complete.
        encoder: What makes the vectors.
        selection: The elements to embed.
        earlier_output: The catalogue with vectors to reuse; None for none.
        batch_size: The largest number of values that the encoder is given at once.
        progress: Called with the number of values embedded and the number of all values to embed.

    Raises:
        InputError: The input or the earlier output cannot be read, `out` cannot be written, the encoder fails, or a
            component would have vectors of two encoders.
    """
    made = Source(encoder.name, selection.column)
    with (
        new_file(out) as partial,
        closing(EarlierVectors(earlier_output, selection, made, out.parent)) as earlier,
    ):
        found = survey(read(), selection, made, earlier)
        found.refuse_mixtures(encoder.dimensions)
        with (
            closing(VectorStore(out.parent, encoder.dimensions)) as new,
            pq.ParquetWriter(partial, arrow_schema(), use_dictionary=_REPEATED) as writer,
        ):
            progress(0, len(found.values))
            for part in read():
                rows = list(find_fates(part, selection, earlier))
                for keys, values in _batches(rows, new, batch_size):
                    new.put(keys, encode(encoder, values))
                    progress(len(new), len(found.values))
                writer.write_batch(_with_vectors(part.rows, rows, earlier, new))
            writer.add_key_value_metadata(metadata_of(found.sources()))
    return EmbedReport(len(found.values), dict(found.counts), found.sources())


def _batches(rows: list[Row], new: VectorStore, size: int) -> Iterator[tuple[list[int], list[str]]]:
    """Yields the keys and values that are still to be embedded, each once."""
    missing = {row.key: row.value for row in rows if row.fate is Fate.EMBEDDED and row.key not in new}
    keys, values = list(missing), list(missing.values())
    for start in range(0, len(keys), size):
        yield keys[start : start + size], values[start : start + size]


def _with_vectors(
    batch: pa.RecordBatch, rows: list[Row], earlier: EarlierVectors, new: VectorStore
) -> pa.RecordBatch:
    vectors = batch.column(VECTOR).to_numpy(zero_copy_only=False)
    for index, row in enumerate(rows):
        if row.fate is Fate.REUSED:
            vectors[index] = earlier.get(row.component, row.key)
        elif row.fate is Fate.EMBEDDED:
            vectors[index] = new.get(row.key)
    column = batch.schema.get_field_index(VECTOR)
    return batch.set_column(
        column, batch.schema.field(column), pa.array(vectors, batch.schema.field(column).type)
    )
