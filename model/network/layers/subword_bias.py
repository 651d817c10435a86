"""Scalar biases per subword, which predict from its text how an element will do before it is shown."""

import tensorflow as tf

from model.features.packed_batch import segments_of
from model.ops.segment_ops import sums_over_root


class SubwordBias(tf.keras.layers.Layer):
    """The sum of bias[subword] / sqrt(n) over the n subwords of an element, a logit.

    The division by sqrt(n) gives long and short texts the same prior. The biases are not learned by gradient
    but fitted (see `model.training.map_effects`); until then they are zero.

    Args:
        rows: The number of rows of hashed subwords.

    Call: subword rows int64 [V], subwords per element int32 [T] -> float32 [T], without gradient.
    """

    def __init__(self, rows: int, **kwargs):
        super().__init__(**kwargs)
        self.rows = rows
        self.mean = self.add_weight('mean', [rows], tf.float32, 'zeros', trainable=False)

    def call(self, subwords: tf.Tensor, subwords_per_element: tf.Tensor) -> tf.Tensor:
        biases = tf.gather(self.mean, subwords)
        segments = segments_of(subwords_per_element)
        return sums_over_root(biases[:, None], segments, subwords_per_element)[:, 0]

    def get_config(self):
        return super().get_config() | {'rows': self.rows}
