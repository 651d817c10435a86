"""A Transform analyzer that estimates numbers of distinct values and can be cached per day of logs."""

from collections.abc import Sequence

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl import sketches

_SKETCH_SIZE = 4096


def approximate_distinct_counts(values: Sequence[tf.Tensor], name: str) -> tf.Tensor:
    """Estimates the number of distinct values of each of several string tensors over the whole data set.

    The estimates come from KMV sketches of 4,096 values. They are exact below that number and have a relative
    standard error of 1.6 % above it.

    Args:
        values: String tensors of rank 1 and any length.
        name: The name of the analyzer.

    Returns:
        int64 [len(values)].
    """
    analyzer = tft.experimental.CacheablePTransformAnalyzer(
        _make_accumulators(), _merge_accumulators(), _extract_counts(), _SketchCoder()
    )
    return tft.experimental.ptransform_analyzer(
        list(values), analyzer, [tf.int64], [[len(values)]], name=name
    )[0]


class _MergeSketches(beam.CombineFn):
    """Merges lists of sketches, one sketch per tensor; the inputs are lists of serialized sketches."""

    def create_accumulator(self):
        return []

    def add_input(self, accumulator, serialized):
        return self._merged(accumulator, [sketches.KmvSketch.Deserialize(item) for item in serialized])

    def merge_accumulators(self, accumulators):
        merged: list = []
        for accumulator in accumulators:
            merged = self._merged(merged, accumulator)
        return merged

    def extract_output(self, accumulator):
        return [sketch.Serialize() for sketch in accumulator]

    @staticmethod
    def _merged(left, right):
        if not left or not right:
            return left or right
        for mine, other in zip(left, right, strict=True):
            mine.Merge(other)
        return left


class _SketchBatch(_MergeSketches):
    """Makes lists of sketches from batches of values, which hold one numpy array of bytes per tensor."""

    def add_input(self, accumulator, batch):
        added = []
        for values in batch:
            sketch = sketches.KmvSketch(_SKETCH_SIZE)
            sketch.AddValues(pa.array(np.asarray(values).reshape(-1).tolist(), pa.binary()))
            added.append(sketch)
        return self._merged(accumulator, added)


class _SketchCoder(tft.experimental.PTransformAnalyzerCacheCoder):
    """Encodes a list of serialized sketches for the cache: each is preceded by its length in 8 bytes."""

    def encode_cache(self, accumulator):
        return b''.join(len(item).to_bytes(8, 'little') + item for item in accumulator)

    def decode_cache(self, encoded):
        items, start = [], 0
        while start < len(encoded):
            size = int.from_bytes(encoded[start : start + 8], 'little')
            items.append(encoded[start + 8 : start + 8 + size])
            start += 8 + size
        return items


@beam.ptransform_fn
def _make_accumulators(batches):
    return batches | beam.CombineGlobally(_SketchBatch())


@beam.ptransform_fn
def _merge_accumulators(accumulators):
    return accumulators | beam.CombineGlobally(_MergeSketches())


@beam.ptransform_fn
def _extract_counts(accumulators):
    return accumulators | beam.Map(
        lambda items: np.array(
            [round(sketches.KmvSketch.Deserialize(item).Estimate()) for item in items], np.int64
        )
    )
