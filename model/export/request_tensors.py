"""Named tensors of a request: what they are, and what they are to the transforms.

Lists of all features are cut and packed together: a run of one ad costs by the number of its operations.
"""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from creative_logs.schema import LogSchema
from model.features.packed_batch import segments_of
from model.features.raw_columns import parted

SEED, TEMPERATURE, EPSILON = 'seed', 'temperature', 'epsilon'
SELECTED, COMBINATIONS = 'selected', 'combinations'
_TYPES = {'string': tf.string, 'int64': tf.int64, 'float': tf.float32, 'string_list': tf.string}


def request_spec(schema: LogSchema) -> dict[str, tf.TensorSpec]:
    """Tensors of a request: those of its ads, and seed [B]."""
    return ad_spec(schema) | {SEED: tf.TensorSpec([None], tf.int64, SEED)}


def ad_spec(schema: LogSchema) -> dict[str, tf.TensorSpec]:
    """Tensors of ads: context [B] or [B, n], candidates and texts [B, n] padded with ''."""
    spec = {}
    for feature in schema.context:
        shape = [None, None] if feature.type == 'string_list' else [None]
        spec[feature.name] = tf.TensorSpec(shape, _TYPES[feature.type], feature.name)
    for component in schema.components:
        names = [component.candidates] + ([component.texts] if component.text else [])
        spec |= {name: tf.TensorSpec([None, None], tf.string, name) for name in names}
    return spec


def exploration_spec() -> dict[str, tf.TensorSpec]:
    """What a request of `explore` says besides: float32 [B] each."""
    return {name: tf.TensorSpec([None], tf.float32, name) for name in (TEMPERATURE, EPSILON)}


def raw_features(
    ads: Mapping[str, tf.Tensor], schema: LogSchema, raw_spec: Mapping
) -> tuple[dict, tf.RaggedTensor]:
    """Named tensors of B ads in the form that the transforms expect; what they lack is missing.

    Args:
        ads: as `ad_spec` says; the op fails where not all have B rows.
        schema: of the logs.
        raw_spec: parsing specification of the raw features.

    Returns:
        Raw features by name; and the ids of the candidates, ragged string [at least M * B, (n)]: those of
        the first component of each ad, then those of the second, ...
    """
    names = [component.candidates for component in schema.components]
    names += [feature.name for feature in schema.context if feature.type == 'string_list']
    lists = _lists([ads[name] for name in names])
    raw = dict(zip(names, parted(lists, len(names)), strict=True))
    for component in schema.components:
        if component.text:
            raw[component.texts] = _first(ads[component.texts], raw[component.candidates].row_lengths())
    rows = tf.shape(ads[schema.ad])[0]
    for name, spec in raw_spec.items():
        if name not in raw:
            raw[name] = _scalar(ads[name], spec) if name in ads else _missing(spec, rows)
    return raw, lists


def _lists(tables: Sequence[tf.Tensor]) -> tf.RaggedTensor:
    """Each row of L tables, string [B, any], up to its last value that is not ''; [L * B, (n)]."""
    table = tf.concat(tables, 1)
    widths = tf.stack([tf.shape(part, tf.int64) for part in tables])[:, 1]
    before = tf.cumsum(widths, exclusive=True)
    rows, width = tf.unstack(tf.shape(table, tf.int64))
    part = segments_of(widths)
    position = tf.range(1, width + 1) - tf.gather(before, part)
    filled = tf.where(table == '', tf.zeros([], tf.int64), position)
    # Of a table without columns the last is far below 0, and what ranges to there is empty.
    last = tf.math.unsorted_segment_max(tf.transpose(filled), part, len(tables))
    start = tf.reshape(before[:, None] + tf.range(rows) * width, [-1])
    places = tf.ragged.range(start, start + tf.reshape(last, [-1]))
    return places.with_values(tf.gather(tf.reshape(table, [-1]), places.values))


def _first(table: tf.Tensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    """So many values of each row [B] of a table [B, n]; cheaper than `tf.RaggedTensor.from_tensor`."""
    rows, width = tf.unstack(tf.shape(table, lengths.dtype))
    start = tf.range(rows) * width
    places = tf.ragged.range(start, start + tf.minimum(lengths, width), row_splits_dtype=lengths.dtype)
    return places.with_values(tf.gather(tf.reshape(table, [-1]), places.values))


def _scalar(values: tf.Tensor, spec) -> tf.Tensor | tf.RaggedTensor:
    """One value per row."""
    if isinstance(spec, tf.io.FixedLenFeature):
        return tf.reshape(values, [-1, *spec.shape])
    splits = tf.range(tf.size(values, spec.row_splits_dtype) + 1)
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False)


def _missing(spec, rows: tf.Tensor) -> tf.Tensor | tf.RaggedTensor:
    if isinstance(spec, tf.io.FixedLenFeature):
        return tf.fill(tf.concat([[rows], spec.shape], 0), tf.zeros([], spec.dtype))
    nothing, splits = tf.zeros([0], spec.dtype), tf.zeros([rows + 1], spec.row_splits_dtype)
    return tf.RaggedTensor.from_row_splits(nothing, splits, validate=False)
