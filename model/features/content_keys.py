"""The 62-bit keys by which elements, subwords and attributes are known outside the hash tables.

Keys are so long that a million of them collide with a probability of about 1e-7. They do not depend on the logs
or on the size of any table, so a catalogue can be matched to a model that was trained without it.
"""

import tensorflow as tf

from model.features.subwords import subwords

_KEYS = 1 << 62
NO_KEY = -1  # sorts before every key


def element_keys(component: str | tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """The keys of elements, int64 like `ids`.

    Args:
        component: The name of the component, or the names, string like `ids`.
        ids: The ids of the elements, string of any shape.
    """
    return _keys('element', component, ids)


def text_terms(component: str | tf.Tensor, texts: tf.Tensor) -> tf.RaggedTensor:
    """The keys of the subwords of texts, ragged int64 [T, any].

    Args:
        component: The name of the component, or of that of each text, string [T].
        texts: The texts in UTF-8, string [T].
    """
    return _terms('text', component, subwords(texts))


def attribute_terms(component: str | tf.Tensor, attributes: tf.RaggedTensor) -> tf.RaggedTensor:
    """The keys of attributes, ragged int64 [T, any].

    Args:
        component: The name of the component, or of that of each element, string [T].
        attributes: The attributes of T elements, ragged string [T, any].
    """
    return _terms('attribute', component, attributes)


def _terms(kind: str, component: str | tf.Tensor, strings: tf.RaggedTensor) -> tf.RaggedTensor:
    if isinstance(component, tf.Tensor):
        component = tf.gather(component, strings.value_rowids())
    return strings.with_values(_keys(kind, component, strings.values))


def _keys(kind: str, component: str | tf.Tensor, strings: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_hash_bucket_fast(tf.strings.join([kind, component, strings], '\t'), _KEYS)
