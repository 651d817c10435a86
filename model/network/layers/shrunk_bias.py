"""Scalar biases per id, each shrunk towards zero according to the data observed for it."""

import numpy as np
import tensorflow as tf


class ShrunkBias(tf.keras.layers.Layer):
    """Bayesian per-coordinate logit biases, learned online.

    Each bias starts from a normal prior N(0, s^2). An observation with residual r = p - y and Fisher
    information p (1 - p) raises its precision and moves its mean by a Newton step:

        precision += w p (1 - p)
        mean      -= w r / precision,   precision_0 = 1 / s^2

    where w is the weight of the observation. The shrinkage is thus appropriate for an id that was seen 30
    times as well as for one that was seen 30,000 times.

    Args:
        rows: The number of biases.
        prior_std: The prior standard deviation s, in logits.

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

    def std(self, rows: tf.Tensor) -> tf.Tensor:
        """The posterior standard deviations 1 / sqrt(precision), in logits, float32 [any], of rows int64 [any]."""
        return tf.stop_gradient(tf.math.rsqrt(tf.gather(self.precision, rows)))

    def update(self, rows: tf.Tensor, residual: tf.Tensor, information: tf.Tensor) -> None:
        """Updates the biases by one step on a batch.

        Args:
            rows: The row of each observation, int64 [R]; rows may repeat.
            residual: The weight x (predicted CTR - click), float32 [R].
            information: The weight x p (1 - p), float32 [R].
        """
        unique, where = tf.unique(rows)
        size = tf.size(unique)
        gradient = tf.math.unsorted_segment_sum(residual, where, size)
        gained = tf.math.unsorted_segment_sum(information, where, size)
        precision = tf.gather(self.precision, unique) + gained
        self.precision.scatter_update(tf.IndexedSlices(precision, unique))
        self.mean.scatter_sub(tf.IndexedSlices(gradient / precision, unique))

    def adopt(self, mean: np.ndarray, precision: np.ndarray) -> None:
        """Replaces the posterior by one that was fitted elsewhere; both arrays are float [rows]."""
        self.mean.assign(mean)
        self.precision.assign(precision)

    def get_config(self):
        return super().get_config() | {'rows': self.rows, 'prior_std': self.prior_std}
