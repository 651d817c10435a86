"""Transform's preprocessing_fn: raw log columns to rows of hash tables.

Runs unchanged inside the served graph, so that what is served is what was trained. The size of each
table is written into the transformed schema as the domain of its feature (`table_rows` reads it).
"""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import schema_inference

from creative_logs.schema import CLICK, TIMESTAMP, WEIGHT, Component, ContextFeature, LogSchema
from model.columns import propensities, ragged, scalar
from model.config import GencoConfig, TransformConfig
from model.distinct import approximate_distinct_counts
from model.layout import RAGGED_VALUES, WORD_COUNTS, WORDS

_FINGERPRINTS = 1 << 62
_LARGEST_VOCABULARY = 10_000
_WORD_SEPARATORS = r'[^\pL\pN]+'


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Transform's entry point.

    Args:
        inputs: raw columns, dense, sparse or ragged.
        custom_config: `genco`: the GencoConfig as a dictionary.

    Returns:
        Per context feature its row (int64 [B]), number (float32 [B]) or rows of terms (ragged int64);
        per component its rows (ragged int64, at most N, the shown element kept), `_shown` int64 [B]
        and `_propensity` float32 [B]; with texts `_words` (ragged int64) and `_word_counts` (ragged
        int64, one per candidate); `click`, `weight` float32 [B] and `timestamp` int64 [B].
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
            words, counts = _words(candidates['texts'])
            hashed[component.name + WORDS] = words
            outputs[component.name + WORD_COUNTS] = counts
    outputs |= _hash(hashed, shown_ids, config.transform)
    outputs |= {f.name: _encode_small(inputs, f) for f in schema.context if f.encoding in ('category', 'number')}
    outputs[CLICK] = tf.cast(scalar(inputs[CLICK], 0), tf.float32)
    outputs[WEIGHT] = scalar(inputs[WEIGHT], 1.0)
    outputs[TIMESTAMP] = scalar(inputs[TIMESTAMP], 0)
    return outputs


def table_rows(transform_output: tft.TFTransformOutput) -> dict[str, int]:
    """Rows of the table of each transformed feature that has one."""
    features = transform_output.transformed_metadata.schema.feature
    return {
        f.name.removesuffix(RAGGED_VALUES): f.int_domain.max + 1
        for f in features
        if f.HasField('int_domain')
    }


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
    keep = _kept(counts, shown, limit, ids)
    ids = tf.ragged.boolean_mask(ids, keep)
    new_shown = tf.minimum(shown, limit - 1)
    found = {
        'ids': ids,
        'shown': new_shown,
        'shown_id': tf.gather(ids.values, (ids.row_starts() + new_shown)[new_shown >= 0]),
        'propensity': propensities(inputs[component.propensity], counts),
    }
    if component.text:
        found['texts'] = tf.ragged.boolean_mask(ragged(inputs[component.texts]), keep)
    return found


def _kept(counts: tf.Tensor, shown: tf.Tensor, limit: int, like: tf.RaggedTensor) -> tf.RaggedTensor:
    """Which candidates stay: the first `limit`, or the first `limit - 1` and the shown one."""
    position = tf.ragged.range(counts).with_row_splits_dtype(like.row_splits.dtype)
    row = position.value_rowids()
    first = tf.where(shown < limit, tf.constant(limit, tf.int64), limit - 1)
    keep = (position.values < tf.gather(first, row)) | (position.values == tf.gather(shown, row))
    return position.with_values(keep)


def _words(texts: tf.RaggedTensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Lower-case words of each text: ragged string per ad, and their number per candidate."""
    clean = tf.strings.regex_replace(tf.strings.lower(texts.values, encoding='utf-8'), _WORD_SEPARATORS, ' ')
    words = tf.strings.split(clean)
    per_ad = tf.RaggedTensor.from_row_splits(words, texts.row_splits).merge_dims(1, 2)
    return per_ad, texts.with_values(words.row_lengths())


def _hash(hashed: dict[str, Any], shown_ids: dict[str, tf.Tensor], config: TransformConfig) -> dict[str, Any]:
    """Rows of all hashed features: fingerprint modulo a power of two, or a row of its own."""
    distinct = approximate_distinct_counts([_flat(value) for value in hashed.values()], 'distinct')
    rows = {}
    for position, (name, value) in enumerate(hashed.items()):
        buckets = _buckets(distinct[position], config)
        row = tf.bitwise.bitwise_and(
            tf.strings.to_hash_bucket_fast(_flat(value), _FINGERPRINTS), buckets - 1
        )
        if config.frequent_threshold and name in shown_ids:
            row, buckets = _own_rows(name, _flat(value), shown_ids[name], row, buckets, config)
        schema_inference.set_tensor_schema_override(row, tf.zeros([], tf.int64), buckets - 1)
        rows[name] = value.with_values(row) if isinstance(value, tf.RaggedTensor) else row
    return rows


def _buckets(distinct: tf.Tensor, config: TransformConfig) -> tf.Tensor:
    """The power of two at or above distinct x load factor, within the bounds; int64 scalar."""
    wanted = tf.maximum(tf.cast(distinct, tf.float64) * config.load_factor, 1.0)
    powers = tf.constant([1 << bits for bits in range(63)], tf.int64)
    smallest = tf.reduce_min(tf.boolean_mask(powers, tf.cast(powers, tf.float64) >= wanted))
    return tf.clip_by_value(smallest, config.min_buckets, config.max_buckets)


def _own_rows(name, ids, shown_ids, row, buckets, config: TransformConfig) -> tuple[tf.Tensor, tf.Tensor]:
    """Ids shown at least `frequent_threshold` times get rows behind the hashed ones."""
    vocabulary = tft.vocabulary(
        shown_ids,
        top_k=config.frequent_limit,
        frequency_threshold=config.frequent_threshold,
        vocab_filename=f'{name}_ids',
    )
    own = tft.apply_vocabulary(ids, vocabulary, default_value=-1)
    size = tft.experimental.get_vocabulary_size_by_name(f'{name}_ids')
    return tf.where(own >= 0, buckets + own, row), buckets + size


def _encode_small(inputs: dict[str, Any], feature: ContextFeature) -> tf.Tensor:
    """A category's row (0: never seen), or a standardised number."""
    if feature.encoding == 'number':
        return tft.scale_to_z_score(tf.cast(scalar(inputs[feature.name], 0), tf.float32))
    value = _scalar_string(inputs[feature.name], feature)
    vocabulary = tft.vocabulary(value, top_k=_LARGEST_VOCABULARY, vocab_filename=f'{feature.name}_values')
    row = tft.apply_vocabulary(value, vocabulary, default_value=-1) + 1
    size = tft.experimental.get_vocabulary_size_by_name(f'{feature.name}_values')
    schema_inference.set_tensor_schema_override(row, tf.zeros([], tf.int64), size)
    return row


def _flat(value: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    return value.values if isinstance(value, tf.RaggedTensor) else value


def _scalar_string(value, feature: ContextFeature) -> tf.Tensor:
    if feature.type == 'string':
        return scalar(value, '')
    return tf.strings.as_string(scalar(value, -1))
