"""Packs transformed features into a batch that holds the T existing elements, unpadded, in flat tensors."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from creative_logs.schema import CLICK, TIMESTAMP, WEIGHT, Component
from model.features.content_keys import NO_KEY
from model.features.feature_tables import ELEMENT_KEYS as KEYS_SUFFIX
from model.features.feature_tables import RAGGED_VALUES, SUBWORD_COUNTS, SUBWORDS, FeatureTables, offsets

CONTEXT_IDS, NUMBERS, TERMS, TERM_COUNTS = 'context_ids', 'numbers', 'terms', 'term_counts'
ELEMENTS, COUNTS, SHOWN, PROPENSITY = 'elements', 'counts', 'shown', 'propensity'
SUBWORD_ROWS, SUBWORDS_PER_ELEMENT = 'subword_rows', 'subwords_per_element'
ELEMENT_KEYS, CONTENT = 'element_keys', 'content'
CHOSEN_BY_GENCO = 'chosen_by_genco'
LABELS = (
    CLICK,
    WEIGHT,
    TIMESTAMP,
    CHOSEN_BY_GENCO,
    SHOWN,
    PROPENSITY,
)  # the tensors that a request does not have

Batch = dict[str, tf.Tensor]


def feature_spec(tables: FeatureTables) -> dict:
    """Returns the parsing specification of transformed tf.Examples."""
    spec = {name: tf.io.FixedLenFeature([], tf.int64) for name in tables.ids}
    spec |= {name: tf.io.FixedLenFeature([], tf.float32) for name in tables.numbers}
    spec |= {name: _ragged_rows(name) for name in tables.terms}
    for name in tables.components:
        spec[name] = _ragged_rows(name)
        spec[Component(name=name).shown] = tf.io.FixedLenFeature([], tf.int64)
        spec[Component(name=name).propensity] = tf.io.FixedLenFeature([], tf.float32)
    for name in tables.subwords:
        spec[name + SUBWORDS] = _ragged_rows(name + SUBWORDS)
        spec[name + SUBWORD_COUNTS] = _ragged_rows(name + SUBWORD_COUNTS)
    spec |= {name + KEYS_SUFFIX: _ragged_rows(name + KEYS_SUFFIX) for name in tables.content}
    spec |= {name: tf.io.FixedLenFeature([], tf.float32) for name in (CLICK, WEIGHT, CHOSEN_BY_GENCO)}
    spec[TIMESTAMP] = tf.io.FixedLenFeature([], tf.int64)
    return spec


def pack(features: dict, tables: FeatureTables) -> Batch:
    """Packs the transformed features of B ads, and the labels where they are present.

    The elements are ordered by ad, then by component, then by candidate.

    Returns:
        The tensors of the batch by name: context_ids int64 [B, F]; numbers float32 [B, P]; terms int64 [S]
        and term_counts int32 [B, Q] for Q features of terms; elements int64 [T] (rows of the element table);
        counts int32 [B, M] (numbers of candidates); with texts, subword_rows int64 [V] and
        subwords_per_element int32 [T]; with a catalogue, element_keys int64 [T], -1 for components that it
        does not describe. The labels are shown int64 [B, M], -1 where the component is absent;
        propensity float32 [B, M]; click and weight float32 [B]; chosen_by_genco float32 [B], which is 1 where a GenCO
        model chose what was shown; and timestamp int64 [B].
    """
    counts = _lengths([features[name] for name in tables.components])
    index = index_of(counts)
    order = _order(counts)
    batch = {
        CONTEXT_IDS: _context_ids(features, tables),
        COUNTS: counts,
        ELEMENTS: _element_rows(features, tables, order, index),
    }
    if tables.numbers:
        batch[NUMBERS] = tf.stack([features[name] for name in tables.numbers], 1)
    if tables.terms:
        batch |= _terms(features, tables)
    if tables.subwords:
        batch |= _subwords(features, tables, counts, order)
    if tables.content:
        batch[ELEMENT_KEYS] = _element_keys(features, tables, order)
    if CLICK in features:
        batch |= {
            name: features[name] for name in (CLICK, WEIGHT, CHOSEN_BY_GENCO, TIMESTAMP) if name in features
        }
        components = [Component(name=name) for name in tables.components]
        batch[SHOWN] = tf.stack([features[component.shown] for component in components], 1)
        batch[PROPENSITY] = tf.stack([features[component.propensity] for component in components], 1)
    return batch


class Index(NamedTuple):
    """Says to which ad and component each of the T packed elements belongs.

    Attributes:
        ad: The ad of each element, int32 [T].
        component: The component of each element, int32 [T].
        segment: The segment of each element, ad * M + component, int32 [T] in ascending order.
        counts: The number of elements of each segment, int32 [B, M].
        start: The place of the first element of each segment, int32 [B, M].
        position: The place of each element within its segment, int32 [T].
    """

    ad: tf.Tensor
    component: tf.Tensor
    segment: tf.Tensor
    counts: tf.Tensor
    start: tf.Tensor
    position: tf.Tensor


def index_of(counts: tf.Tensor) -> Index:
    """Returns the index of a batch that has `counts` elements, int32 [B, M], per ad and component."""
    components = counts.shape[1]
    flat = tf.reshape(counts, [-1])
    start = tf.reshape(tf.cumsum(flat, exclusive=True), [-1, components])
    segment = segments_of(flat)
    return Index(
        ad=segment // components,
        component=segment % components,
        segment=segment,
        counts=counts,
        start=start,
        position=tf.range(tf.size(segment)) - tf.gather(tf.reshape(start, [-1]), segment),
    )


def segments_of(lengths: tf.Tensor) -> tf.Tensor:
    """Returns 0 repeated lengths[0] times, 1 repeated lengths[1] times and so on, int32 [sum of lengths].

    The result is computed as the running count of the segments that have begun, which is several times faster
    than `tf.repeat`. Empty segments at the end would begin behind the last place and are not counted.
    """
    begun = tf.raw_ops.DenseBincount(
        input=tf.cumsum(lengths, exclusive=True),
        size=tf.reduce_sum(lengths),
        weights=tf.zeros([0], lengths.dtype),
    )
    return tf.cumsum(begun) - 1


def _ragged_rows(name: str) -> tf.io.RaggedFeature:
    return tf.io.RaggedFeature(tf.int64, value_key=name + RAGGED_VALUES, row_splits_dtype=tf.int32)


def _lengths(lists: Sequence[tf.RaggedTensor]) -> tf.Tensor:
    """Returns the lengths of the lists of several features in B rows, int32 [B, features]."""
    splits = tf.stack([column.row_splits for column in lists], 1)
    return tf.cast(splits[1:] - splits[:-1], tf.int32)


def _order(counts: tf.Tensor) -> tf.Tensor:
    """Returns, int32 [T] in packed order, the place of each value in the concatenation by component."""
    by_component = tf.reshape(tf.transpose(counts), [-1])
    begins = tf.reshape(tf.cumsum(by_component, exclusive=True), [counts.shape[1], -1])
    start = tf.reshape(tf.transpose(begins), [-1])
    return tf.ragged.range(start, start + tf.reshape(counts, [-1])).values


def _element_rows(features: dict, tables: FeatureTables, order: tf.Tensor, index: Index) -> tf.Tensor:
    """Returns rows of the element table, int64 [T]; the values -1, -2, ... stand for dedicated rows."""
    values = tf.gather(tf.concat([features[name].values for name in tables.components], 0), order)
    first = tf.gather(tf.constant([*offsets(tables.components).values()], tf.int64), index.component)
    return tf.where(values < 0, tables.frequent_start - 1 - values, first + values)


def _element_keys(features: dict, tables: FeatureTables, order: tf.Tensor) -> tf.Tensor:
    keys = [
        features[name + KEYS_SUFFIX].values
        if name in tables.content
        else tf.fill(tf.shape(features[name].values), tf.constant(NO_KEY, tf.int64))
        for name in tables.components
    ]
    return tf.gather(tf.concat(keys, 0), order)


def _context_ids(features: dict, tables: FeatureTables) -> tf.Tensor:
    first = tf.constant([*offsets(tables.ids).values()], tf.int64)
    return tf.stack([features[name] for name in tables.ids], 1) + first


def _terms(features: dict, tables: FeatureTables) -> Batch:
    first = offsets(tables.terms, start=sum(tables.ids.values()))
    counts = _lengths([features[name] for name in tables.terms])
    values = [features[name].values + first[name] for name in tables.terms]
    joint = tf.concat(values, 0)
    if len(values) > 1:
        joint = tf.gather(joint, _order(counts))
    return {TERMS: joint, TERM_COUNTS: counts}


def _subwords(features: dict, tables: FeatureTables, counts: tf.Tensor, order: tf.Tensor) -> Batch:
    """Returns the subwords of all elements in packed order; components without texts have none."""
    first = offsets(tables.subwords)
    per_element, rows = [], []
    for j, name in enumerate(tables.components):
        if name in tables.subwords:
            per_element.append(tf.cast(features[name + SUBWORD_COUNTS].values, tf.int32))
            rows.append(features[name + SUBWORDS].values + first[name])
        else:
            per_element.append(tf.zeros([tf.reduce_sum(counts[:, j])], tf.int32))
    lengths = tf.concat(per_element, 0)
    start, lengths = tf.gather(tf.cumsum(lengths, exclusive=True), order), tf.gather(lengths, order)
    places = tf.ragged.range(start, start + lengths).values
    return {SUBWORD_ROWS: tf.gather(tf.concat(rows, 0), places), SUBWORDS_PER_ELEMENT: lengths}
