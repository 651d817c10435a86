"""Transform's preprocessing_fn, which turns raw log columns into rows of hash tables.

It runs unchanged inside the served graph, so that serving and training see the same features. The size of
each table is written into the transformed schema as the domain of its feature, where `feature_tables_of` reads it.
There are few analyzers because each one adds a series of Beam stages per day of logs.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import schema_inference

from creative_logs.schema import CLICK, MODEL_VERSION, TIMESTAMP, WEIGHT, Component, ContextFeature, LogSchema
from model.config import GencoConfig, TransformConfig
from model.features.content_keys import element_keys
from model.features.distinct_counts import approximate_distinct_counts
from model.features.feature_tables import (
    ELEMENT_KEYS,
    RAGGED_VALUES,
    SUBWORD_COUNTS,
    SUBWORDS,
    FeatureTables,
)
from model.features.packed_batch import CHOSEN_BY_GENCO, segments_of
from model.features.raw_columns import joined, parted, propensities, ragged, scalar
from model.features.subwords import subwords

_FINGERPRINTS = 1 << 62
_LARGEST_VOCABULARY = 10_000
_CATEGORIES = 'categories'
FREQUENT_ELEMENTS = 'frequent_elements'


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Transform's entry point.

    Args:
        inputs: The raw columns, which may be dense, sparse or ragged.
        custom_config: A dictionary whose key `genco` holds the GencoConfig as a dictionary.

    Returns:
        For each context feature its row (int64 [B]), its number (float32 [B]) or the rows of its terms
        (ragged int64). For each component the rows of its candidates (ragged int64, at most N including the
        shown element; -1 - k for the k-th of the elements with dedicated rows), `Component.shown` int64 [B]
        and `Component.propensity` float32 [B]. For each component with texts also `_subwords` (ragged int64)
        and `_subword_counts` (ragged int64, one per candidate). Finally `click` and `weight` float32 [B],
        `chosen_by_genco` float32 [B], which is 1 where the row has a model version because a GenCO model chose
        what was shown, and `timestamp` int64 [B].
    """
    config = GencoConfig.model_validate(custom_config['genco'])
    schema = config.log_schema
    candidates = _candidates(inputs, schema)
    subwords_of = _subwords(candidates, schema)
    strings = _context_strings(inputs, schema) | {
        name + SUBWORDS: terms for name, (terms, _) in subwords_of.items()
    }
    names = [component.name for component in schema.components]
    outputs: dict[str, Any] = _hash(strings, candidates, names, config.transform)
    for name, (_, counts) in subwords_of.items():
        outputs[name + SUBWORD_COUNTS] = counts
    for name, keys in _element_keys(candidates, schema).items():
        outputs[name + ELEMENT_KEYS] = keys
    shown, propensity = (tf.split(joint, len(names)) for joint in (candidates.shown, candidates.propensity))
    for j, component in enumerate(schema.components):
        outputs |= {component.shown: shown[j], component.propensity: propensity[j]}
    outputs |= _categories(inputs, [f for f in schema.context if f.encoding == 'category'])
    for feature in schema.context:
        if feature.encoding == 'number':
            number = tf.cast(scalar(inputs[feature.name], 0), tf.float32)
            outputs[feature.name] = tft.scale_to_z_score(number)
    outputs[CLICK] = tf.cast(scalar(inputs[CLICK], 0), tf.float32)
    outputs[WEIGHT] = scalar(inputs[WEIGHT], 1.0)
    outputs[CHOSEN_BY_GENCO] = tf.cast(tf.strings.length(scalar(inputs[MODEL_VERSION], '')) > 0, tf.float32)
    outputs[TIMESTAMP] = scalar(inputs[TIMESTAMP], 0)
    return outputs


def feature_tables_of(transform_output: tft.TFTransformOutput, schema: LogSchema) -> FeatureTables:
    """Returns the feature tables of a model that is trained on these transforms."""
    features = transform_output.transformed_metadata.schema.feature
    rows = {
        f.name.removesuffix(RAGGED_VALUES): f.int_domain.max + 1 for f in features if f.HasField('int_domain')
    }
    return FeatureTables.from_schema(schema, rows, len(frequent_elements(transform_output)))


def frequent_elements(transform_output: tft.TFTransformOutput) -> list[bytes]:
    """Returns `component<TAB>id` of the elements with dedicated rows, in the order of these rows."""
    if not transform_output.vocabulary_file_by_name(FREQUENT_ELEMENTS):
        return []
    return transform_output.vocabulary_by_name(FREQUENT_ELEMENTS)


def _context_strings(inputs: dict[str, Any], schema: LogSchema) -> dict[str, Any]:
    """Returns the values of the hashed context features: string [B], or ragged strings for terms."""
    hashed = {}
    for feature in schema.context:
        if feature.encoding == 'id':
            hashed[feature.name] = _scalar_string(inputs[feature.name], feature)
        elif feature.encoding == 'terms':
            hashed[feature.name] = ragged(inputs[feature.name])
    return hashed


class _Candidates(NamedTuple):
    """The candidates of all M components in M * B rows: first the B rows of the first component, and so on.

    Attributes:
        ids: The ids of the candidates, ragged string, at most N per row including the shown one.
        shown: The position of the shown candidate, int64 [M * B], -1 where the component is absent.
        propensity: The propensity of the shown candidate, float32 [M * B].
        texts: The text of each value of `ids`, string; '' for components without texts.
    """

    ids: tf.RaggedTensor
    shown: tf.Tensor
    propensity: tf.Tensor
    texts: tf.Tensor


def _candidates(inputs: dict[str, Any], schema: LogSchema) -> _Candidates:
    components = schema.components
    given = joined([ragged(inputs[component.candidates]) for component in components])
    shown = tf.concat([scalar(inputs[component.shown], -1) for component in components], 0)
    logged = tf.concat([scalar(inputs[component.propensity], -1.0) for component in components], 0)
    kept = _kept(given, shown, schema.max_candidates)
    texts = tf.concat([_texts(inputs, component) for component in components], 0)
    return _Candidates(
        kept.with_values(tf.gather(given.values, kept.values)),
        tf.minimum(shown, schema.max_candidates - 1),
        propensities(logged, given.row_lengths()),
        tf.gather(texts, kept.values),
    )


def _texts(inputs: dict[str, Any], component: Component) -> tf.Tensor:
    """Returns the text of each logged candidate, string [T]; '' for a component without texts."""
    ids = ragged(inputs[component.candidates])
    if component.text:
        return _aligned(ragged(inputs[component.texts]), ids, component)
    return tf.zeros_like(ids.values)


def _aligned(texts: tf.RaggedTensor, ids: tf.RaggedTensor, component: Component) -> tf.Tensor:
    """Returns the texts of the ids, string [T]; the op fails unless each id has exactly one text."""
    rule = f'{component.texts} must have one text for each of {component.candidates}'
    equal = tf.debugging.assert_equal(texts.row_splits, ids.row_splits, rule)
    with tf.control_dependencies([equal] if equal is not None else []):
        return tf.identity(texts.values)


def _kept(lists: tf.RaggedTensor, shown: tf.Tensor, limit: int) -> tf.RaggedTensor:
    """Returns the places, among all values, of the values to keep.

    These are the first `limit` values of each list, or the first `limit - 1` and the shown one.
    """
    start, length = lists.row_starts(), lists.row_lengths()
    shown = tf.cast(shown, start.dtype)
    kept = tf.ragged.range(start, start + tf.minimum(length, limit), row_splits_dtype=start.dtype)
    late = tf.where((shown >= limit) & (shown < length))
    last, place = tf.gather(kept.row_limits() - 1, late), tf.gather_nd(start + shown, late)
    return kept.with_values(tf.tensor_scatter_nd_update(kept.values, last, place))


def _element_keys(candidates: _Candidates, schema: LogSchema) -> dict[str, tf.RaggedTensor]:
    """Returns the keys of the candidates, ragged int64, by component that the catalogue describes."""
    if not schema.with_content:
        return {}
    names = [component.name for component in schema.components]
    each = dict(zip(names, parted(candidates.ids, len(names)), strict=True))
    ids = {component.name: each[component.name] for component in schema.with_content}
    return {name: found.with_values(element_keys(name, found.values)) for name, found in ids.items()}


def _subwords(
    candidates: _Candidates, schema: LogSchema
) -> dict[str, tuple[tf.RaggedTensor, tf.RaggedTensor]]:
    """Returns, by component with texts, each ad's subwords (ragged string) and their number per candidate."""
    found = {}
    each = parted(candidates.ids.with_values(candidates.texts), len(schema.components))
    for component, texts in zip(schema.components, each, strict=True):
        if component.text:
            terms = subwords(texts.values)
            per_ad = tf.RaggedTensor.from_row_splits(terms, texts.row_splits).merge_dims(1, 2)
            found[component.name] = per_ad, texts.with_values(terms.row_lengths())
    return found


def _hash(
    strings: dict[str, Any], candidates: _Candidates, names: Sequence[str], config: TransformConfig
) -> dict[str, Any]:
    """Returns the rows of all hashed features by name.

    A row is the fingerprint of the value modulo a power of two, or the dedicated row of a frequent element.

    Args:
        strings: The features other than the candidates by name, each [B] or ragged.
        candidates: The candidates of M components.
        names: The names of the components.
        config: The configuration of the tables.
    """
    hashed = dict(zip(names, parted(candidates.ids, len(names)), strict=True)) | strings
    distinct = approximate_distinct_counts([_flat(value) for value in hashed.values()], 'distinct')
    masks = _buckets(distinct, config) - 1
    rows = dict(zip(names, parted(_element_rows(candidates, masks, names, config), len(names)), strict=True))
    for (name, value), mask in zip(strings.items(), tf.unstack(masks)[len(names) :], strict=True):
        row = tf.bitwise.bitwise_and(_fingerprints(_flat(value)), mask)
        rows[name] = value.with_values(row) if isinstance(value, tf.RaggedTensor) else row
    for mask, row in zip(tf.unstack(masks), rows.values(), strict=True):
        schema_inference.set_tensor_schema_override(_flat(row), tf.zeros([], tf.int64), mask)
    return rows


def _element_rows(
    candidates: _Candidates, masks: tf.Tensor, names: Sequence[str], config: TransformConfig
) -> tf.RaggedTensor:
    """Returns the row of each candidate, or -1 - k for the k-th frequent element: int64, ragged like the ids."""
    ids = candidates.ids
    component = segments_of(tf.reduce_sum(tf.reshape(ids.row_lengths(), [len(names), -1]), 1))
    rows = tf.bitwise.bitwise_and(_fingerprints(ids.values), tf.gather(masks, component))
    if config.frequent_threshold:
        dedicated = _dedicated_rows(candidates, component, names, config)
        rows = tf.where(dedicated >= 0, -1 - dedicated, rows)
    return ids.with_values(rows)


def _dedicated_rows(
    candidates: _Candidates, component: tf.Tensor, names: Sequence[str], config: TransformConfig
) -> tf.Tensor:
    """Returns k for each candidate that is the k-th of the frequent elements, and else -1: int64 [T].

    Args:
        candidates: The candidates of M components, T in all.
        component: The component of each candidate, integer [T].
        names: The names of the components.
        config: The configuration that says which elements are frequent.
    """
    ids, prefixes = candidates.ids, tf.constant([_prefix(name) for name in names])
    place = tf.gather(ids.row_starts() + candidates.shown, tf.where(candidates.shown >= 0)[:, 0])
    elements = tf.strings.join([tf.gather(prefixes, component), ids.values])
    frequent = _frequent_elements(tf.gather(elements, place), config)
    return tft.apply_vocabulary(elements, frequent, default_value=-1)


def _frequent_elements(shown: tf.Tensor, config: TransformConfig) -> tf.Tensor:
    """Finds, in one pass, the elements of all components shown at least `frequent_threshold` times."""
    return tft.vocabulary(
        shown,
        top_k=config.frequent_limit,
        frequency_threshold=config.frequent_threshold if config.frequent_threshold > 1 else None,
        vocab_filename=FREQUENT_ELEMENTS,
    )


def _buckets(distinct: tf.Tensor, config: TransformConfig) -> tf.Tensor:
    """Returns the smallest power of two >= distinct x load factor, within the bounds, int64 like `distinct`."""
    wanted = tf.maximum(tf.cast(distinct, tf.float64) * config.load_factor, 1.0)
    powers = tf.constant([1 << bits for bits in range(63)], tf.int64)
    enough = tf.cast(powers, tf.float64) >= wanted[:, None]
    smallest = tf.gather(powers, tf.argmax(enough, 1))
    return tf.clip_by_value(smallest, config.min_buckets, config.max_buckets)


def _categories(inputs: dict[str, Any], features: Sequence[ContextFeature]) -> dict[str, tf.Tensor]:
    """Returns the rows of categories, 0 for a value that was never seen.

    All features share one vocabulary, which takes one pass over the data.
    """
    if not features:
        return {}
    values = [tf.strings.join([_prefix(f.name), _scalar_string(inputs[f.name], f)]) for f in features]
    strings = tf.concat(values, 0)
    vocabulary = tft.vocabulary(strings, top_k=_LARGEST_VOCABULARY, vocab_filename=_CATEGORIES)
    size = tft.experimental.get_vocabulary_size_by_name(_CATEGORIES)
    found = tft.apply_vocabulary(strings, vocabulary, default_value=-1) + 1
    rows = {}
    for feature, row in zip(features, tf.split(found, len(features)), strict=True):
        schema_inference.set_tensor_schema_override(row, tf.zeros([], tf.int64), size)
        rows[feature.name] = row
    return rows


def _prefix(name: str) -> str:
    return f'{name}\t'


def _fingerprints(strings: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_hash_bucket_fast(strings, _FINGERPRINTS)


def _flat(value: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
    return value.values if isinstance(value, tf.RaggedTensor) else value


def _scalar_string(value, feature: ContextFeature) -> tf.Tensor:
    if feature.type == 'string':
        return scalar(value, '')
    return tf.strings.as_string(scalar(value, -1))
