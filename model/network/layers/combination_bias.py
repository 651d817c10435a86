"""Scalar biases per ad and whole combination: the joint effect of its elements beyond their sum."""

import numpy as np
import tensorflow as tf

from model.ops.counter_rng import mixed


class CombinationBias(tf.keras.layers.Layer):
    """bias[hash of the ad and its elements], a logit.

    The hash is the sum of 32-bit codes with its bits mixed. The code of an element is thus computed once per
    ad, and a combination takes only a sum. The biases are not learned by gradient but fitted (see
    `model.training.map_effects`). They are zero until then, and remain so for a combination that was never
    shown unless its hash collides with that of another.

    Args:
        rows: The number of rows of the table, a power of two.
        components: The number of components M.
    """

    def __init__(self, rows: int, components: int, **kwargs):
        super().__init__(**kwargs)
        self.rows, self.components = rows, components
        odd = np.random.default_rng(0).integers(1 << 62, size=components + 1) * 2 + 1
        self._of_component, self._of_ad = tf.constant(odd[:-1]), tf.constant(odd[-1])
        self._shift = tf.constant(64 - (rows.bit_length() - 1), tf.uint64)
        self.mean = self.add_weight('mean', [rows], tf.float32, 'zeros', trainable=False)

    def ad_codes(self, ads: tf.Tensor) -> tf.Tensor:
        """Returns the codes of ads given by their rows: int64 [B] from 0 to 2^32 - 1."""
        return _upper_half((ads + 1) * self._of_ad)

    def element_codes(self, elements: tf.Tensor, component: tf.Tensor) -> tf.Tensor:
        """Returns int64 [T] codes of elements, given by row and component (int32 [T]), from 0 to 2^32 - 1."""
        return _upper_half((elements + 1) * tf.gather(self._of_component, component))

    def rows_of(self, codes: tf.Tensor) -> tf.Tensor:
        """Returns rows of the table, int64 in the shape of `codes`.

        Args:
            codes: The code of the ad plus the codes of the chosen elements, int64.
        """
        return tf.cast(tf.bitwise.right_shift(mixed(tf.cast(codes, tf.uint64)), self._shift), tf.int64)

    def call(self, codes: tf.Tensor) -> tf.Tensor:
        return tf.gather(self.mean, self.rows_of(codes))

    def get_config(self):
        return super().get_config() | {'rows': self.rows, 'components': self.components}


def _upper_half(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.bitwise.right_shift(tf.cast(values, tf.uint64), tf.constant(32, tf.uint64)), tf.int64)
