"""Multi-instance aggregation of the elements of a combination (eq. 17)."""

import tensorflow as tf


class MilAggregation(tf.keras.layers.Layer):
    """f_c = sum_j w_ij f_e, with w_ij a softmax over the components that are present.

    The logit of w_ij is v . relu(W [h_i, f_e] + b), of one element alone, so that it need be computed
    only once however many combinations an element is part of.

    Args:
        units: hidden size of the attention.

    Reference: GenCO, eq. 17; `w_ij` is exactly zero for unexposed elements.
    """

    def __init__(self, units: int = 8, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self._hidden = tf.keras.layers.Dense(units, activation='relu', name='mil_hidden')
        self._output = tf.keras.layers.Dense(1, use_bias=False, name='mil_output')

    def logits(self, context: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
        """Attention logits of elements: h float32 [..., H], f float32 [..., F] -> float32 [...]."""
        return self._output(self._hidden(tf.concat([context, features], -1)))[..., 0]

    def weights_of(self, logits: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
        """w float32 [..., M] from logits float32 [..., M] and present bool [..., M]; sums to 1 or 0."""
        top = tf.reduce_max(tf.where(present, logits, logits.dtype.min), -1, keepdims=True)
        weights = tf.where(present, tf.exp(tf.where(present, logits - top, 0.0)), 0.0)
        return tf.math.divide_no_nan(weights, tf.reduce_sum(weights, -1, keepdims=True))

    def call(self, features: tf.Tensor, logits: tf.Tensor, present: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Aggregates.

        Args:
            features: float32 [..., M, F], any value where not present.
            logits: float32 [..., M].
            present: bool [..., M].

        Returns:
            f_c float32 [..., F] and w float32 [..., M].
        """
        weights = self.weights_of(logits, present)
        return tf.reduce_sum(weights[..., None] * features, -2), weights

    def get_config(self):
        return super().get_config() | {'units': self.units}
