"""Transform's preprocessing_fn: raw log columns to rows of hash tables.

Runs unchanged inside the served graph, so that what is served is what was trained. The size of each
table is written into the transformed schema as the domain of its feature (`layout_of` reads it). The
fewer analyzers, the faster: each is a series of Beam stages per day of logs.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import schema_inference

from creative_logs.schema import CLICK, MODEL_VERSION, TIMESTAMP, WEIGHT, Component, ContextFeature, LogSchema
from model.batch import OWN
from model.columns import propensities, ragged, scalar
from model.config import GencoConfig, TransformConfig
from model.distinct import approximate_distinct_counts
from model.layout import RAGGED_VALUES, SUBWORD_COUNTS, SUBWORDS, Layout
from model.subwords import subwords

_FINGERPRINTS = 1 << 62
_LARGEST_VOCABULARY = 10_000
_CATEGORIES = 'categories'
FREQUENT_ELEMENTS = 'frequent_elements'


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Transform's entry point.

    Args:
        inputs: raw columns, dense, sparse or ragged.
        custom_config: `genco`: the GencoConfig as a dictionary.

    Returns:
        Per context feature its row (int64 [B]), number (float32 [B]) or rows of terms (ragged int64);
        per component its rows (ragged int64, at most N, the shown element kept; -1 - k for the k-th
        of the elements that have rows of their own), `_shown` int64 [B] and `_propensity` float32 [B];
        with texts `_subwords` (ragged int64) and `_subword_counts` (ragged int64, one per candidate);
        `click`, `weight` float32 [B], `own` float32 [B] (1 where the row has a model version: one of our own
        models chose) and `timestamp` int64 [B].
    """
    config = GencoConfig.model_validate(custom_config['genco'])
    schema = config.log_schema
    hashed = _context_strings(inputs, schema)
    outputs: dict[str, Any] = {}
    shown_ids = {}
    for component in schema.components:
        candidates = _candidates(inputs, component, schema.max_candidates)
        hashed[component.name] = candidates['ids']
        shown_ids[component.name] = candidates['shown_id']
        outputs[f'{component.name}_shown'] = candidates['shown']
        outputs[f'{component.name}_propensity'] = candidates['propensity']
        if component.text:
            terms, counts = _subwords(candidates['texts'])
            hashed[component.name + SUBWORDS] = terms
            outputs[component.name + SUBWORD_COUNTS] = counts
    outputs |= _hash(hashed, shown_ids, config.transform)
    outputs |= _categories(inputs, [f for f in schema.context if f.encoding == 'category'])
    for feature in schema.context:
        if feature.encoding == 'number':
            number = tf.cast(scalar(inputs[feature.name], 0), tf.float32)
            outputs[feature.name] = tft.scale_to_z_score(number)
    outputs[CLICK] = tf.cast(scalar(inputs[CLICK], 0), tf.float32)
    outputs[WEIGHT] = scalar(inputs[WEIGHT], 1.0)
    outputs[OWN] = tf.cast(tf.strings.length(scalar(inputs[MODEL_VERSION], '')) > 0, tf.float32)
    outputs[TIMESTAMP] = scalar(inputs[TIMESTAMP], 0)
    return outputs


def layout_of(transform_output: tft.TFTransformOutput, schema: LogSchema) -> Layout:
    """Tables of a model on these transforms."""
    features = transform_output.transformed_metadata.schema.feature
    rows = {
        f.name.removesuffix(RAGGED_VALUES): f.int_domain.max + 1 for f in features if f.HasField('int_domain')
    }
    return Layout.from_schema(schema, rows, len(frequent_elements(transform_output)))


def frequent_elements(transform_output: tft.TFTransformOutput) -> list[bytes]:
    """`component<TAB>id` of the elements that have rows of their own, in the order of these rows."""
    if not transform_output.vocabulary_file_by_name(FREQUENT_ELEMENTS):
        return []
    return transform_output.vocabulary_by_name(FREQUENT_ELEMENTS)


def _context_strings(inputs: dict[str, Any], schema: LogSchema) -> dict[str, Any]:
    """Values of the context features that are hashed: string [B], or ragged for terms."""
    hashed = {}
    for feature in schema.context:
        if feature.encoding == 'id':
            hashed[feature.name] = _scalar_string(inputs[feature.name], feature)
        elif feature.encoding == 'terms':
            hashed[feature.name] = ragged(inputs[feature.name])
    return hashed


def _candidates(inputs: dict[str, Any], component: Component, limit: int) -> dict[str, Any]:
    """Candidates of a component, at most `limit` with the shown one among them, and how it was shown."""
    ids = ragged(inputs[component.candidates])
    counts = ids.row_lengths()
    shown = scalar(inputs[component.shown], -1)
    kept, given = _kept(ids, shown, limit), ids
    ids = kept.with_values(tf.gather(ids.values, kept.values))
    new_shown = tf.minimum(shown, limit - 1)
    found = {
        'ids': ids,
        'shown': new_shown,
        'shown_id': tf.gather(ids.values, (ids.row_starts() + new_shown)[new_shown >= 0]),
        'propensity': propensities(inputs[component.propensity], counts),
    }
    if component.text:
        texts = _aligned(ragged(inputs[component.texts]), given, component)
        found['texts'] = kept.with_values(tf.gather(texts, kept.values))
    return found


def _aligned(texts: tf.RaggedTensor, ids: tf.RaggedTensor, component: Component) -> tf.Tensor:
    """Texts of the ids, string [T]; the op fails where there is not one for each."""
    rule = f'{component.texts} must have one text for each of {component.candidates}'
    equal = tf.debugging.assert_equal(texts.row_splits, ids.row_splits, rule)
    with tf.control_dependencies([equal] if equal is not None else []):
        return tf.identity(texts.values)


def _kept(lists: tf.RaggedTensor, shown: tf.Tensor, limit: int) -> tf.RaggedTensor:
    """Places, among all values, of those that stay: the first `limit` of each list, or the first `limit - 1`
    and the shown one."""
    start, length = lists.row_starts(), lists.row_lengths()
    shown = tf.cast(shown, start.dtype)
    kept = tf.ragged.range(start, start + tf.minimum(length, limit), row_splits_dtype=start.dtype)
    late = tf.where((shown >= limit) & (shown < length))
    last, place = tf.gather(kept.row_limits() - 1, late), tf.gather_nd(start + shown, late)
    return kept.with_values(tf.tensor_scatter_nd_update(kept.values, last, place))


def _subwords(texts: tf.RaggedTensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Subwords of each text: ragged string per ad, and their number per candidate."""
    found = subwords(texts.values)
    per_ad = tf.RaggedTensor.from_row_splits(found, texts.row_splits).merge_dims(1, 2)
    return per_ad, texts.with_values(found.row_lengths())


def _hash(hashed: dict[str, Any], shown_ids: dict[str, tf.Tensor], config: TransformConfig) -> dict[str, Any]:
    """Rows of all hashed features: fingerprint modulo a power of two, or a row of its own."""
    distinct = approximate_distinct_counts([_flat(value) for value in hashed.values()], 'distinct')
    frequent = _frequent_elements(shown_ids, config) if config.frequent_threshold else None
    rows = {}
    for position, (name, value) in enumerate(hashed.items()):
        buckets = _buckets(distinct[position], config)
        row = tf.bitwise.bitwise_and(tf.strings.to_hash_bucket_fast(_flat(value), _FINGERPRINTS), buckets - 1)
        if frequent is not None and name in shown_ids:
            own = tft.apply_vocabulary(_prefixed(name, _flat(value)), frequent, default_value=-1)
            row = tf.where(own >= 0, -1 - own, row)
        schema_inference.set_tensor_schema_override(row, tf.zeros([], tf.int64), buckets - 1)
        rows[name] = value.with_values(row) if isinstance(value, tf.RaggedTensor) else row
    return rows


def _frequent_elements(shown_ids: dict[str, tf.Tensor], config: TransformConfig) -> tf.Tensor:
    """Elements shown at least `frequent_threshold` times, of all components: one pass over the data."""
    shown = tf.concat([_prefixed(name, ids) for name, ids in shown_ids.items()], 0)
    return tft.vocabulary(
        shown,
        top_k=config.frequent_limit,
        frequency_threshold=config.frequent_threshold if config.frequent_threshold > 1 else None,
        vocab_filename=FREQUENT_ELEMENTS,
    )


def _buckets(distinct: tf.Tensor, config: TransformConfig) -> tf.Tensor:
    """The power of two at or above distinct x load factor, within the bounds; int64 scalar."""
    wanted = tf.maximum(tf.cast(distinct, tf.float64) * config.load_factor, 1.0)
    powers = tf.constant([1 << bits for bits in range(63)], tf.int64)
    smallest = tf.reduce_min(tf.boolean_mask(powers, tf.cast(powers, tf.float64) >= wanted))
    return tf.clip_by_value(smallest, config.min_buckets, config.max_buckets)


def _categories(inputs: dict[str, Any], features: Sequence[ContextFeature]) -> dict[str, tf.Tensor]:
    """Rows of categories; 0 for a value that was never seen. One vocabulary, one pass, for all."""
    if not features:
        return {}
    values = [_prefixed(f.name, _scalar_string(inputs[f.name], f)) for f in features]
    vocabulary = tft.vocabulary(tf.concat(values, 0), top_k=_LARGEST_VOCABULARY, vocab_filename=_CATEGORIES)
    size = tft.experimental.get_vocabulary_size_by_name(_CATEGORIES)
    rows = {}
    for feature, value in zip(features, values, strict=True):
        row = tft.apply_vocabulary(value, vocabulary, default_value=-1) + 1
        schema_inference.set_tensor_schema_override(row, tf.zeros([], tf.int64), size)
        rows[feature.name] = row
    return rows


def _prefixed(name: str, values: tf.Tensor) -> tf.Tensor:
    return tf.strings.join([f'{name}\t', values])


def _flat(value: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    return value.values if isinstance(value, tf.RaggedTensor) else value


def _scalar_string(value, feature: ContextFeature) -> tf.Tensor:
    if feature.type == 'string':
        return scalar(value, '')
    return tf.strings.as_string(scalar(value, -1))
