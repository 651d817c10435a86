"""The worth of the content that a request brings for its candidates."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from creative_logs.schema import Component
from model.export.request_tensors import content_spec
from model.features.content_keys import attribute_terms, text_terms
from model.features.packed_batch import Index
from model.network.layers.content_effects import ContentEffects


def request_content(
    ads: Mapping[str, tf.Tensor], components: Sequence[Component], effects: ContentEffects, index: Index
) -> tf.Tensor:
    """What the content that a request brings for each candidate is worth, a logit, float32 [T].

    It is zero for candidates without content. Where no candidate has any, as is usual, nothing is computed.

    Args:
        ads: The tensors of B ads (`request_tensors.content_spec`).
        components: All M components, in the order of the index.
        effects: The effects of content.
        index: The place of each of the T candidates.
    """
    widths = [_widths(ads, component) for component in components]
    width = tf.stack([tf.reduce_max(tf.stack(each)) if each else 0 for each in widths])
    start = tf.cumsum(width, exclusive=True)

    def worth() -> tf.Tensor:
        # The first table has no columns; beside it, a table with another number of ads fails.
        tables = [tf.zeros([tf.shape(index.counts)[0], 0])]
        tables += [
            _table(ads, component, effects, width[j])
            for j, component in enumerate(components)
            if component.content is not None
        ]
        values = tf.reshape(tf.concat(tables, 1), [-1])
        given = index.position < tf.gather(width, index.component)
        place = index.ad * tf.reduce_sum(width) + tf.gather(start, index.component) + index.position
        return tf.where(given, tf.gather(values, tf.where(given, place, 0)), 0.0)

    nothing = tf.zeros_like(index.position, tf.float32)
    return tf.cond(tf.reduce_sum(width) > 0, worth, lambda: nothing)


def _widths(ads: Mapping[str, tf.Tensor], component: Component) -> list[tf.Tensor]:
    return [tf.shape(ads[name])[1] for name in content_spec(component)]


def _table(
    ads: Mapping[str, tf.Tensor], component: Component, effects: ContentEffects, width: tf.Tensor
) -> tf.Tensor:
    """The worth of the content of the candidates of one component, float32 [B, width]."""
    parts = []
    if component.texts in content_spec(component):
        texts = ads[component.texts]
        terms = text_terms(component.name, tf.reshape(texts, [-1]))
        parts.append(tf.reshape(effects.of_terms(terms), tf.shape(texts)))
    if component.attributes in content_spec(component):
        attributes = ads[component.attributes]
        each = tf.strings.split(tf.reshape(attributes, [-1]), '\n')
        each = tf.ragged.boolean_mask(each, each.with_values(each.values != ''))
        parts.append(
            tf.reshape(effects.of_terms(attribute_terms(component.name, each)), tf.shape(attributes))
        )
    if component.vectors in content_spec(component):
        vectors = ads[component.vectors]
        given = tf.reduce_any(vectors != 0, -1)
        parts.append(tf.where(given, effects.of_vectors(component.name, vectors), 0.0))
    padded = [tf.pad(part, [[0, 0], [0, width - tf.shape(part)[1]]]) for part in parts]
    return tf.add_n(padded)
