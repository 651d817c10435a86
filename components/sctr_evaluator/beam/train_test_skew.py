"""Beam: compares the feature values of the train days and of the test days in some of their rows."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.pvalue import AsSingleton, PCollection

from components.sctr_evaluator.estimators.feature_skew import BUCKETS, FeatureCounts, skew
from components.sctr_evaluator.rows.parsed_rows import as_text, column_types
from creative_logs.schema import LogSchema

_MOST_SOURCES = 20
# Numbers are grouped in ranges that span a factor of 2^(1/4), each of which is one value.
_PER_OCTAVE = 4


class Skew(beam.PTransform):
    """Sources of test rows -> the result of `feature_skew.skew`; no output if a split has no rows.

    Args:
        read: Yields the rows of a source in batches of serialized raw tf.Examples, string [R].
        schema: The log schema.
        train: The sources of the train days.
        test: The number of sources of the test days.
        rows: The number of rows to read from the train days and from the test days. Each source that is read
            contributes its first rows.
    """

    def __init__(
        self,
        read: Callable[[Any], Iterator[tf.Tensor]],
        schema: LogSchema,
        train: Sequence,
        test: int,
        rows: int,
    ):
        super().__init__()
        self._read, self._schema, self._rows, self._test = read, schema, rows, test
        self._train = _spread(train)

    def expand(self, sources: PCollection) -> PCollection:
        train = sources.pipeline | 'Train' >> beam.Create(self._train)
        counts = {
            'train': self._counts('Train', train, len(self._train)),
            'test': self._counts('Test', sources, self._test),
        }
        return counts['train'] | 'Compare' >> beam.FlatMap(_compare, AsSingleton(counts['test'], None))

    def _counts(self, name: str, sources: PCollection, number: int) -> PCollection:
        each = -(-self._rows // max(number, 1))
        return (
            sources
            | f'Spread{name}' >> beam.Reshuffle()
            | f'Count{name}' >> beam.FlatMap(_counts, self._read, self._schema, each)
            | f'Sum{name}' >> beam.CombineGlobally(FeatureCounts.merged).without_defaults()
        )


def _compare(train: FeatureCounts, test: FeatureCounts | None) -> list[list[dict]]:
    return [] if test is None else [skew(train, test)]


def _spread(sources: Sequence) -> list:
    """At most 20 of the sources, evenly spaced."""
    places = np.linspace(0, len(sources) - 1, min(len(sources), _MOST_SOURCES)).round().astype(int)
    return [sources[place] for place in places]


def _counts(
    source: Any, read: Callable[[Any], Iterator[tf.Tensor]], schema: LogSchema, rows: int
) -> Iterator[FeatureCounts]:
    """Counts the feature values in the first `rows` rows of a source, batch by batch."""
    for batch in read(source):
        chosen = batch[:rows]
        yield FeatureCounts.of(feature_hashes(chosen, schema), len(chosen))
        rows -= len(chosen)
        if rows <= 0:
            return


def feature_hashes(rows: tf.Tensor, schema: LogSchema) -> dict[str, np.ndarray]:
    """The hashes of the values of all features in some rows.

    The features are the context features and the candidates. Columns that identify rows and columns that
    depend on the policy that chose differ between the splits by design and are left out, and so are columns
    without any value. A row without a value has the value ''.

    Args:
        rows: Serialized raw tf.Examples, string [R].
        schema: The log schema.

    Returns:
        {feature: hashes below 1024, int64 [items]}.
    """
    types = column_types(schema)
    names = sorted([feature.name for feature in schema.context] + [c.candidates for c in schema.components])
    found = _hashes(rows, tuple(names), tuple(types[name] for name in names))
    return {name: hashes.numpy() for name, (hashes, values) in zip(names, found) if values}


@tf.function(reduce_retracing=True)
def _hashes(
    rows: tf.Tensor, names: tuple[str, ...], types: tuple[tf.DType, ...]
) -> list[tuple[tf.Tensor, tf.Tensor]]:
    spec = {name: tf.io.RaggedFeature(kind) for name, kind in zip(names, types)}
    parsed = tf.io.parse_example(rows, spec)
    return [(_hash(parsed[name]), tf.size(parsed[name].values)) for name in names]


def _hash(values: tf.RaggedTensor) -> tf.Tensor:
    missing = tf.fill([tf.reduce_sum(tf.cast(values.row_lengths() == 0, tf.int32))], '')
    return tf.strings.to_hash_bucket_fast(tf.concat([_text(values.values), missing], 0), BUCKETS)


def _text(values: tf.Tensor) -> tf.Tensor:
    if not values.dtype.is_floating:
        return as_text(values)
    size = tf.floor(_PER_OCTAVE * tf.math.log(tf.maximum(tf.abs(values), 1e-30)) / np.log(2.0))
    return tf.strings.as_string(tf.cast(tf.sign(values), tf.int32)) + tf.strings.as_string(size, precision=0)
