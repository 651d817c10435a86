"""The context encoder Enc of eq. 14."""

from collections.abc import Callable, Sequence

import tensorflow as tf


class ContextEncoder(tf.keras.layers.Layer):
    """h_i = Enc(A_i, q, {stat(S_ij)}): an MLP with batch normalisation before each ReLU.

    Args:
        units: The sizes of the layers; the last one is H.
        momentum: The momentum of the moving averages that replace the batch's statistics when serving.

    Call: float32 [B, any] -> h float32 [B, H].

    Reference: GenCO, eq. 14 and Implementation Details.
    """

    def __init__(self, units: Sequence[int], momentum: float = 0.95, **kwargs):
        super().__init__(**kwargs)
        self.units = tuple(units)
        self.momentum = momentum
        self._dense = [
            tf.keras.layers.Dense(size, use_bias=False, name=f'hidden_{k}')
            for k, size in enumerate(self.units)
        ]
        self._normalise = [
            tf.keras.layers.BatchNormalization(momentum=momentum, name=f'normalise_{k}')
            for k in range(len(self.units))
        ]

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        for dense, normalise in zip(self._dense, self._normalise, strict=True):
            inputs = tf.nn.relu(normalise(dense(inputs), training=training))
        return inputs

    def folded(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns the MLP for serving, with the normalisation folded into constant weights.

        It needs a third of the operations. It is a copy of the current weights, so the encoder must have been
        built, and later training does not change the copy.
        """
        layers = []
        for dense, normalise in zip(self._dense, self._normalise, strict=True):
            scale = normalise.gamma / tf.sqrt(normalise.moving_variance + normalise.epsilon)
            bias = normalise.beta - normalise.moving_mean * scale
            layers.append(((dense.kernel * scale).numpy(), bias.numpy()))

        def encode(inputs: tf.Tensor) -> tf.Tensor:
            for kernel, bias in layers:
                inputs = tf.nn.relu(tf.nn.bias_add(tf.matmul(inputs, kernel), bias))
            return inputs

        return encode

    def get_config(self):
        return super().get_config() | {'units': self.units, 'momentum': self.momentum}
