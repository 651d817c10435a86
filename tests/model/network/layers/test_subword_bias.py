import numpy as np
import tensorflow as tf

from model.network.layers import SubwordBias


def test_subwords_add_up_divided_by_the_root_of_their_number():
    layer = SubwordBias(4)
    layer.mean.assign([0.5, -1.0, 2.0, 4.0])
    found = layer(tf.constant([0, 1, 2, 2, 3, 1], tf.int64), tf.constant([2, 0, 4], tf.int32))
    np.testing.assert_allclose(found, [-0.5 / np.sqrt(2), 0.0, 7.0 / 2], rtol=1e-6)
