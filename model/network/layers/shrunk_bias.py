"""Scalar biases per id, each shrunk towards zero as its own evidence deserves."""

import numpy as np
import tensorflow as tf


class ShrunkBias(tf.keras.layers.Layer):
    """Bayesian per-coordinate logit biases, learned online.

    Each bias starts from a normal prior N(0, s^2). An observation with residual r = p - y and Fisher
    information p (1 - p) raises its precision and moves its mean by a Newton step:

        precision += w p (1 - p)
        mean      -= w r / precision,   precision_0 = 1 / s^2

    so that an id seen 30 times and one seen 30,000 times are both treated right.

    Args:
        rows: number of biases.
        prior_std: s, in logits.

    Call: rows int64 [any] -> mean float32 [any], without gradient.
    """

    def __init__(self, rows: int, prior_std: float, **kwargs):
        super().__init__(**kwargs)
        self.rows = rows
        self.prior_std = prior_std
        self.mean = self.add_weight('mean', [rows], tf.float32, 'zeros', trainable=False)
        self.precision = self.add_weight(
            'precision', [rows], tf.float32, tf.constant_initializer(prior_std**-2), trainable=False
        )

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(tf.gather(self.mean, rows))

    def update(self, rows: tf.Tensor, residual: tf.Tensor, information: tf.Tensor) -> None:
        """One step on a batch.

        Args:
            rows: int64 [R], may repeat.
            residual: float32 [R], weight x (predicted CTR - click).
            information: float32 [R], weight x p (1 - p).
        """
        unique, where = tf.unique(rows)
        size = tf.size(unique)
        gradient = tf.math.unsorted_segment_sum(residual, where, size)
        gained = tf.math.unsorted_segment_sum(information, where, size)
        precision = tf.gather(self.precision, unique) + gained
        self.precision.scatter_update(tf.IndexedSlices(precision, unique))
        self.mean.scatter_sub(tf.IndexedSlices(gradient / precision, unique))

    def adopt(self, mean: np.ndarray, precision: np.ndarray) -> None:
        """Takes over a posterior that was found elsewhere, float [rows] each."""
        self.mean.assign(mean)
        self.precision.assign(precision)

    def get_config(self):
        return super().get_config() | {'rows': self.rows, 'prior_std': self.prior_std}
