"""The shared function phi (policy network pi_theta) of eqs. 15, 18 and 19."""

from collections.abc import Sequence

import tensorflow as tf


class ScoreNetwork(tf.keras.layers.Layer):
    """phi(h_i, f): the score of an element or of a combination; both use the same weights.

    phi = w . relu(... relu(W_1 [h_i, f] + b_1) ...) + b

    Args:
        units: The sizes of the hidden layers.
        start_at_zero: Whether the kernel of the last layer starts at zero, so that phi has no influence
            until it has learned something.

    Call: h float32 [R, H], f float32 [R, F] -> score float32 [R].

    Reference: GenCO, eqs. 15, 18, 19 and Implementation Details.
    """

    def __init__(self, units: Sequence[int], start_at_zero: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.units = tuple(units)
        self.start_at_zero = start_at_zero
        self._hidden = [
            tf.keras.layers.Dense(size, activation='relu', name=f'hidden_{k}')
            for k, size in enumerate(self.units)
        ]
        start = 'zeros' if start_at_zero else 'glorot_uniform'
        self._output = tf.keras.layers.Dense(1, kernel_initializer=start, name='output')

    def call(self, context: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
        hidden = tf.concat([context, features], -1)
        for layer in self._hidden:
            hidden = layer(hidden)
        return self._output(hidden)[..., 0]

    def get_config(self):
        return super().get_config() | {'units': self.units, 'start_at_zero': self.start_at_zero}
