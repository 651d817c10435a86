"""The worth of the content that a request brings for its candidates."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import tensorflow as tf

from creative_logs.schema import Component
from model.export.request_tensors import content_spec
from model.features.content_keys import attribute_terms, text_terms
from model.features.packed_batch import Index
from model.network.layers.content_effects import ContentEffects


def request_content(
    ads: Mapping[str, tf.Tensor], components: Sequence[Component], effects: ContentEffects, index: Index
) -> tf.Tensor:
    """What the content that a request brings for each candidate is worth, float32 [T, C] (`ContentEffects`).

    It is zero for candidates without content. Where no candidate has any, as is usual, nothing is computed.

    Args:
        ads: The tensors of B ads (`request_tensors.content_spec`).
        components: All M components, in the order of the index.
        effects: The effects of content.
        index: The place of each of the T candidates.
    """
    specs = [content_spec(component) for component in components]
    widths = [[tf.shape(ads[name])[1] for name in spec] for spec in specs]
    width = tf.stack([tf.reduce_max(tf.stack(each)) if each else 0 for each in widths])
    start = tf.cumsum(width, exclusive=True)

    def worth() -> tf.Tensor:
        # The first table has no columns; beside it, a table with another number of ads fails.
        tables = [tf.zeros([tf.shape(index.counts)[0], 0, effects.columns])]
        described = [(component, component.content) for component in components if component.content]
        texts = {c.name: ads[c.texts] for c, content in described if content.text}
        attributes = {c.name: ads[c.attributes] for c, content in described if content.attributes}
        vectors = {c.name: ads[c.vectors] for c, content in described if content.vector}
        told = [
            *_worth_of_terms(texts, text_terms, effects),
            *_worth_of_terms(attributes, _split_attribute_terms, effects),
            *((name, _worth_of_vectors(name, table, effects)) for name, table in vectors.items()),
        ]
        for j, component in enumerate(components):
            parts = [table for name, table in told if name == component.name]
            if parts:
                padded = [tf.pad(part, [[0, 0], [0, width[j] - tf.shape(part)[1]], [0, 0]]) for part in parts]
                tables.append(tf.add_n(padded))
        values = tf.reshape(tf.concat(tables, 1), [-1, effects.columns])
        inside = index.position < tf.gather(width, index.component)
        place = index.ad * tf.reduce_sum(width) + tf.gather(start, index.component) + index.position
        return tf.where(inside[:, None], tf.gather(values, tf.where(inside, place, 0)), 0.0)

    nothing = tf.zeros([tf.size(index.position), effects.columns])
    return tf.cond(tf.reduce_sum(width) > 0, worth, lambda: nothing)


def _worth_of_terms(
    tables: Mapping[str, tf.Tensor],
    terms_of: Callable[[tf.Tensor, tf.Tensor], tf.RaggedTensor],
    effects: ContentEffects,
) -> Iterator[tuple[str, tf.Tensor]]:
    """Yields each component with what the terms of its candidates are worth, float32 [B, w, C].

    Args:
        tables: The texts, or the joined attributes, by component, string [B, w].
        terms_of: Returns the terms of T values, given the component of each and the values, string [T].
        effects: The effects of content.
    """
    if tables:
        flat, component = _joined(list(tables.values()), list(tables))
        worth = effects.of_terms(terms_of(component, flat))
        yield from zip(tables, _parted(worth, list(tables.values())), strict=True)


def _split_attribute_terms(component: tf.Tensor, joined: tf.Tensor) -> tf.RaggedTensor:
    each = tf.strings.split(joined, '\n')
    return attribute_terms(component, tf.ragged.boolean_mask(each, each.with_values(each.values != '')))


def _worth_of_vectors(component: str, vectors: tf.Tensor, effects: ContentEffects) -> tf.Tensor:
    given = tf.reduce_any(vectors != 0, -1, keepdims=True)
    return tf.where(given, effects.of_vectors(component, vectors), 0.0)


def _joined(tables: Sequence[tf.Tensor], names: Sequence[str]) -> tuple[tf.Tensor, tf.Tensor]:
    """All values of tables, [T], and the name of the component of each; the graph handles them at once."""
    flat = [tf.reshape(table, [-1]) for table in tables]
    component = tf.repeat(tf.constant(list(names)), tf.stack([tf.size(part) for part in flat]))
    return tf.concat(flat, 0), component


def _parted(values: tf.Tensor, tables: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The inverse of `_joined`, for one row of each entry of the tables."""
    parts = tf.split(values, tf.stack([tf.size(table) for table in tables]))
    shapes = [tf.concat([tf.shape(table), [values.shape[1]]], 0) for table in tables]
    return [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
