"""Beam: counts of feature values in a few rows of every source of the train and of the test days."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.pvalue import AsSingleton, PCollection

from components.sctr_evaluator.estimators.feature_skew import BUCKETS, FeatureCounts, skew
from components.sctr_evaluator.rows.slice_labels import column_types
from creative_logs.schema import CLICK, MODEL_VERSION, POLICY, REQUEST_ID, TIMESTAMP, WEIGHT, Component

_CANDIDATES = Component(name='x').candidates.removeprefix('x')
# Of a row alone, or decided by who chose: these differ between the splits by design.
_LEFT_OUT = frozenset([REQUEST_ID, TIMESTAMP, CLICK, WEIGHT, POLICY, MODEL_VERSION])
_MOST_SOURCES = 20
# Numbers within a factor of 2^(1/4) are one value.
_PER_OCTAVE = 4


class Skew(beam.PTransform):
    """Sources of test rows -> the content of `skew`; nothing where a split has no row.

    Args:
        read: gives the rows of a source in batches, string [R], serialized raw tf.Examples.
        train: sources of the train days.
        test: number of sources of the test days.
        rows: to be read of either, the first ones of some sources.
    """

    def __init__(self, read: Callable[[Any], Iterator[tf.Tensor]], train: Sequence, test: int, rows: int):
        super().__init__()
        self._read, self._rows, self._test = read, rows, test
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
            | f'Count{name}' >> beam.FlatMap(_counts, self._read, each)
            | f'Sum{name}' >> beam.CombineGlobally(FeatureCounts.merged).without_defaults()
        )


def _compare(train: FeatureCounts, test: FeatureCounts | None) -> list[list[dict]]:
    return [] if test is None else [skew(train, test)]


def _spread(sources: Sequence) -> list:
    """At most 20 of the sources, evenly."""
    places = np.linspace(0, len(sources) - 1, min(len(sources), _MOST_SOURCES)).round().astype(int)
    return [sources[place] for place in places]


def _counts(source: Any, read: Callable[[Any], Iterator[tf.Tensor]], rows: int) -> Iterator[FeatureCounts]:
    """Counts of the first `rows` rows of a source."""
    for batch in read(source):
        chosen = batch[:rows]
        yield FeatureCounts.of(feature_hashes(chosen), len(chosen))
        rows -= len(chosen)
        if rows <= 0:
            return


def feature_hashes(rows: tf.Tensor) -> dict[str, np.ndarray]:
    """Hashes below 1024 of the values of all features, {feature: int64 [items]}, of rows, string [R].

    Features are context features and candidates; what tells rows apart, or was decided when they were
    logged, is left out. A row without a value has the value ''.
    """
    types = {name: kind for name, kind in column_types(rows).items() if name in _compared(rows)}
    names = tuple(sorted(types))
    found = _hashes(rows, names, tuple(types[name] for name in names))
    return {name: hashes.numpy() for name, hashes in zip(names, found)}


def _compared(rows: tf.Tensor) -> set[str]:
    names = set(tf.train.Example.FromString(rows[0].numpy()).features.feature)
    components = [name.removesuffix(_CANDIDATES) for name in names if name.endswith(_CANDIDATES)]
    by_choice = {
        column
        for c in (Component(name=name) for name in components)
        for column in (c.shown, c.texts, c.propensity)
    }
    return names - by_choice - _LEFT_OUT


@tf.function(reduce_retracing=True)
def _hashes(rows: tf.Tensor, names: tuple[str, ...], types: tuple[tf.DType, ...]) -> list[tf.Tensor]:
    spec = {name: tf.io.RaggedFeature(kind) for name, kind in zip(names, types)}
    parsed = tf.io.parse_example(rows, spec)
    return [_hash(parsed[name]) for name in names]


def _hash(values: tf.RaggedTensor) -> tf.Tensor:
    missing = tf.fill([tf.reduce_sum(tf.cast(values.row_lengths() == 0, tf.int32))], '')
    return tf.strings.to_hash_bucket_fast(tf.concat([_text(values.values), missing], 0), BUCKETS)


def _text(values: tf.Tensor) -> tf.Tensor:
    if values.dtype == tf.string:
        return values
    if values.dtype.is_integer:
        return tf.strings.as_string(values)
    size = tf.floor(_PER_OCTAVE * tf.math.log(tf.maximum(tf.abs(values), 1e-30)) / np.log(2.0))
    return tf.strings.as_string(tf.cast(tf.sign(values), tf.int32)) + tf.strings.as_string(size, precision=0)
