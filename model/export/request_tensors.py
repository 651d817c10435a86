"""The named tensors of a request, and their conversion to the input of the transforms.

The lists of all features are trimmed and packed together because the time of a request for one ad depends on
the number of operations.
"""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from creative_logs.schema import Component, LogSchema
from model.features.packed_batch import segments_of
from model.features.raw_columns import parted

SEED = 'seed'
TEMPERATURE, EPSILON, POSTERIOR_SCALE = 'temperature', 'epsilon', 'posterior_scale'
SELECTED, COMBINATIONS = 'selected', 'combinations'
_TYPES = {'string': tf.string, 'int64': tf.int64, 'float': tf.float32, 'string_list': tf.string}


def request_spec(schema: LogSchema) -> dict[str, tf.TensorSpec]:
    """Returns the tensors of a request: those of its ads, and seed int64 [B]."""
    return ad_spec(schema) | {SEED: tf.TensorSpec([None], tf.int64, SEED)}


def ad_spec(schema: LogSchema) -> dict[str, tf.TensorSpec]:
    """Returns the tensors of ads: context [B] or [B, n], candidates and texts [B, n] padded with ''.

    A component that the catalogue describes also has the content of its candidates (`content_spec`).
    """
    spec = {}
    for feature in schema.context:
        shape = [None, None] if feature.type == 'string_list' else [None]
        spec[feature.name] = tf.TensorSpec(shape, _TYPES[feature.type], feature.name)
    for component in schema.components:
        names = [component.candidates] + ([component.texts] if component.text else [])
        spec |= {name: tf.TensorSpec([None, None], tf.string, name) for name in names}
        spec |= content_spec(component)
    return spec


def content_spec(component: Component) -> dict[str, tf.TensorSpec]:
    """Returns the tensors with the content of the candidates that the model's catalogue may lack.

    Each has a width of its own, from 0 to that of the candidates; candidates beyond it have no content. The
    attributes of an element are joined by line breaks; a vector of zeros is none.
    """
    spec: dict[str, tf.TensorSpec] = {}
    content = component.content
    if content is None:
        return spec
    names = [component.texts] * content.text + [component.attributes] * content.attributes
    spec |= {name: tf.TensorSpec([None, None], tf.string, name) for name in names}
    if content.vector:
        spec[component.vectors] = tf.TensorSpec([None, None, content.vector], tf.float32, component.vectors)
    return spec


def exploration_spec() -> dict[str, tf.TensorSpec]:
    """Returns the further tensors of a request to `explore`, float32 [B] each."""
    names = (TEMPERATURE, EPSILON, POSTERIOR_SCALE)
    return {name: tf.TensorSpec([None], tf.float32, name) for name in names}


def raw_features(
    ads: Mapping[str, tf.Tensor], schema: LogSchema, raw_spec: Mapping
) -> tuple[dict, tf.RaggedTensor]:
    """Converts the named tensors of B ads to the form that the transforms expect.

    Raw features that a request does not hold are passed as missing values.

    Args:
        ads: The tensors that `ad_spec` specifies; the op fails unless all have B rows.
        schema: The log schema.
        raw_spec: The parsing specification of the raw features.

    Returns:
        The raw features by name, and the ids of the candidates, ragged string [at least M * B, (n)]: those
        of the first component of each ad, then those of the second, and so on.
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
    """Trims each row of L tables, string [B, any], after its last value other than '': [L * B, (n)]."""
    table = tf.concat(tables, 1)
    widths = tf.stack([tf.shape(part, tf.int64) for part in tables])[:, 1]
    before = tf.cumsum(widths, exclusive=True)
    rows, width = tf.unstack(tf.shape(table, tf.int64))
    part = segments_of(widths)
    position = tf.range(1, width + 1) - tf.gather(before, part)
    filled = tf.where(table == '', tf.zeros([], tf.int64), position)
    # For a table without columns `last` is far below 0, so that its ranges are empty.
    last = tf.math.unsorted_segment_max(tf.transpose(filled), part, len(tables))
    start = tf.reshape(before[:, None] + tf.range(rows) * width, [-1])
    places = tf.ragged.range(start, start + tf.reshape(last, [-1]))
    return places.with_values(tf.gather(tf.reshape(table, [-1]), places.values))


def _first(table: tf.Tensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    """Returns the first values of each row of a table [B, n], as many as `lengths` [B] says.

    This is cheaper than `tf.RaggedTensor.from_tensor`.
    """
    rows, width = tf.unstack(tf.shape(table, lengths.dtype))
    start = tf.range(rows) * width
    places = tf.ragged.range(start, start + tf.minimum(lengths, width), row_splits_dtype=lengths.dtype)
    return places.with_values(tf.gather(tf.reshape(table, [-1]), places.values))


def _scalar(values: tf.Tensor, spec) -> tf.Tensor | tf.RaggedTensor:
    """Returns a column with one value per row in the form that `spec` describes."""
    if isinstance(spec, tf.io.FixedLenFeature):
        return tf.reshape(values, [-1, *spec.shape])
    splits = tf.range(tf.size(values, spec.row_splits_dtype) + 1)
    return tf.RaggedTensor.from_row_splits(values, splits, validate=False)


def _missing(spec, rows: tf.Tensor) -> tf.Tensor | tf.RaggedTensor:
    if isinstance(spec, tf.io.FixedLenFeature):
        return tf.fill(tf.concat([[rows], spec.shape], 0), tf.zeros([], spec.dtype))
    nothing, splits = tf.zeros([0], spec.dtype), tf.zeros([rows + 1], spec.row_splits_dtype)
    return tf.RaggedTensor.from_row_splits(nothing, splits, validate=False)
