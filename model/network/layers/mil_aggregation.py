"""Multi-instance aggregation of the elements of a combination (eq. 17)."""

import tensorflow as tf


class MilAggregation(tf.keras.layers.Layer):
    """f_c = sum_j w_ij f_e, where w_ij is a softmax over the components that are present.

    The logit of w_ij is v . relu(W [h_i, f_e] + b). It depends on a single element, so it is computed only
    once per element, however many combinations the element is part of.

    Args:
        units: The hidden size of the attention.

    Reference: GenCO, eq. 17; `w_ij` is exactly zero for unexposed elements.
    """

    def __init__(self, units: int = 8, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self._hidden = tf.keras.layers.Dense(units, activation='relu', name='mil_hidden')
        self._output = tf.keras.layers.Dense(1, use_bias=False, name='mil_output')

    def logits(self, context: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
        """Returns the attention logits, float32 [...], from h float32 [..., H] and f float32 [..., F]."""
        return self._output(self._hidden(tf.concat([context, features], -1)))[..., 0]

    def weights_of(self, logits: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
        """Returns the weights w, float32 [..., M], which sum to 1, or to 0 if no component is present.

        Args:
            logits: The attention logits, float32 [..., M].
            present: Whether each component is present, bool [..., M].
        """
        top = tf.reduce_max(tf.where(present, logits, logits.dtype.min), -1, keepdims=True)
        weights = tf.where(present, tf.exp(tf.where(present, logits - top, 0.0)), 0.0)
        return tf.math.divide_no_nan(weights, tf.reduce_sum(weights, -1, keepdims=True))

    def call(self, features: tf.Tensor, logits: tf.Tensor, present: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Aggregates the features of the elements of a combination.

        Args:
            features: The features, float32 [..., M, F], with any value where a component is not present.
            logits: The attention logits, float32 [..., M].
            present: Whether each component is present, bool [..., M].

        Returns:
            f_c float32 [..., F] and w float32 [..., M].
        """
        weights = self.weights_of(logits, present)
        return tf.reduce_sum(weights[..., None] * features, -2), weights

    def get_config(self):
        return super().get_config() | {'units': self.units}
