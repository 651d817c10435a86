"""What the content of an element is worth: a row by key for listed elements, and a formula for others."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from model.content.content_weights import ContentWeights
from model.content.element_contents import Catalogue, Listed
from model.features.content_keys import NO_KEY
from model.ops.segment_ops import sums_over_root

ELEMENT_KEYS, WORTH = 'element_keys', 'worth'


class ContentEffects(tf.keras.layers.Layer):
    """The effects of texts, attributes and vectors of elements, without gradient.

    Effects have C columns: the first is added to the logit of the element, the others to its factors of tastes and
    synergies (`InteractionEffects`), of which attributes alone tell.

    An element's n subwords add the sum of their effects divided by sqrt(n), which gives long and short texts the
    same prior; so do its attributes. A vector x adds (x - mean) @ weights. All effects are zero until `adopt`.

    Args:
        dimensions: The number of dimensions of the vectors by component; 0 where there are none.
        columns: C.

    Call: element keys int64 [T], content float32 [T, C] or None -> float32 [T, C]: the listed worth of an element,
        or the given `content` where the element is not listed.
    """

    def __init__(self, dimensions: Mapping[str, int], columns: int, **kwargs):
        super().__init__(**kwargs)
        self.dimensions, self.columns = dict(dimensions), columns
        self.element_keys, self.worth = _table(ELEMENT_KEYS, WORTH, columns)
        self.term_keys, self.term_weights = _table('term_keys', 'term_weights', columns)
        self._weights = {name: _vector(f'{name}_weights', size) for name, size in dimensions.items() if size}
        self._means = {name: _vector(f'{name}_mean', size) for name, size in dimensions.items() if size}

    @property
    def tables(self) -> dict[str, tf.Variable]:
        """The variables that a catalogue can be judged by, by names that `model.export.refresh` relies on."""
        return {
            ELEMENT_KEYS: self.element_keys,
            WORTH: self.worth,
            'term_keys': self.term_keys,
            'term_weights': self.term_weights,
            **{f'weights_of_{name}': weights for name, weights in self._weights.items()},
            **{f'mean_of_{name}': mean for name, mean in self._means.items()},
        }

    def call(self, keys: tf.Tensor, content: tf.Tensor | None = None) -> tf.Tensor:
        place = tf.searchsorted(self.element_keys, keys, side='right') - 1
        listed = tf.gather(self.element_keys, place) == keys
        return tf.where(listed[:, None], tf.gather(self.worth, place), 0.0 if content is None else content)

    def of_terms(self, terms: tf.RaggedTensor) -> tf.Tensor:
        """The effects of the terms of one kind of T elements, float32 [T, C].

        Args:
            terms: The keys of the terms, ragged int64 [T, any]; unknown ones have no effect.
        """
        place = tf.searchsorted(self.term_keys, terms.values, side='right') - 1
        known = tf.gather(self.term_keys, place) == terms.values
        weights = tf.where(known[:, None], tf.gather(self.term_weights, place), 0.0)
        return sums_over_root(weights, tf.cast(terms.value_rowids(), tf.int32), terms.row_lengths())

    def of_vectors(self, component: str, vectors: tf.Tensor) -> tf.Tensor:
        """The effects of vectors of a component, float32 [..., C], for vectors float32 [..., D]."""
        worth = tf.linalg.matvec(vectors - self._means[component], self._weights[component])
        return tf.pad(worth[..., None], [*[[0, 0]] * (len(vectors.shape) - 1), [0, self.columns - 1]])

    def adopt(self, fitted: ContentWeights) -> None:
        """Replaces the effects of terms and vectors by fitted ones."""
        self.term_keys.assign(np.concatenate([[NO_KEY], fitted.terms]))
        self.term_weights.assign(np.concatenate([np.zeros((1, self.columns)), fitted.weights]))
        for name, weights in self._weights.items():
            found = fitted.vectors.get(name)
            weights.assign(found.weights if found else tf.zeros_like(weights))
            self._means[name].assign(found.mean if found else tf.zeros_like(weights))

    def of_listed(self, elements: Listed) -> tf.Tensor:
        """The effects of the content of elements of a catalogue, float32 [E, C]."""
        found = self.of_terms(elements.texts) + self.of_terms(elements.attributes)
        if elements.component not in self._weights:
            return found
        return found + tf.where(
            elements.has_vector[:, None], self.of_vectors(elements.component, elements.vectors), 0.0
        )

    def list_catalogue(self, catalogue: Catalogue) -> None:
        """Replaces the listed elements by those of a catalogue, with what the content of each is worth."""
        keys, worth = [np.zeros(0, np.int64)], [np.zeros((0, self.columns), np.float32)]
        for part in catalogue.listed():
            keys.append(part.keys)
            worth.append(self.of_listed(part).numpy())
        joint = np.concatenate(keys)
        order = np.argsort(joint)
        self.element_keys.assign(np.concatenate([[NO_KEY], joint[order]]))
        self.worth.assign(np.concatenate([np.zeros((1, self.columns)), np.concatenate(worth)[order]]))


def _table(keys: str, values: str, columns: int) -> tuple[tf.Variable, tf.Variable]:
    """A table of any length; its first row is a key that nothing has, so that every search finds a row."""
    return (
        tf.Variable([NO_KEY], False, name=keys, shape=[None], dtype=tf.int64),
        tf.Variable(tf.zeros([1, columns]), False, name=values, shape=[None, columns]),
    )


def _vector(name: str, size: int) -> tf.Variable:
    return tf.Variable(tf.zeros([size]), False, name=name)
