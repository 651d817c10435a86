"""Counter-based uniform random numbers: a pure function of seed and counter.

A draw for an ad depends only on the seed of that ad, whatever else is in the batch. It uses integer
operations, whose results are the same in every version of TensorFlow. TensorFlow's own stateless ops take
one seed for a whole tensor and do not guarantee stable results.
"""

import tensorflow as tf

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


def uniform(seed: tf.Tensor, counter: tf.Tensor) -> tf.Tensor:
    """Returns the SplitMix64 hash (Steele et al. 2014) of seed and counter as float32 in the interval (0, 1).

    The upper 23 bits of the hash select one of 2^23 equal intervals, and the result is the midpoint of that
    interval, so that every value is exact in float32.

    Args:
        seed, counter: Tensors of int64 whose shapes can be broadcast.
    """
    upper = tf.bitwise.right_shift(_bits(seed, counter), _constant(41))
    return (tf.cast(tf.cast(upper, tf.int32), tf.float32) + 0.5) * 2.0**-23


def normal(seed: tf.Tensor, counter: tf.Tensor) -> tf.Tensor:
    """Returns standard normal numbers, float32, within 5.4 of 0: the quantiles at `uniform(seed, counter)`.

    Unlike those, they may differ in their last bits between processors and places in a tensor.
    """
    return tf.math.ndtri(uniform(seed, counter))


def derived_seed(seed: tf.Tensor, counter: tf.Tensor) -> tf.Tensor:
    """Returns int64 seeds for further streams: all 64 bits of the hash of which `uniform` uses 23."""
    return tf.bitcast(_bits(seed, counter), tf.int64)


def _bits(seed: tf.Tensor, counter: tf.Tensor) -> tf.Tensor:
    state = mixed(tf.cast(seed, tf.uint64)) + tf.cast(counter + 1, tf.uint64) * _constant(_GOLDEN)
    return mixed(state)


def mixed(value: tf.Tensor) -> tf.Tensor:
    """Mixes the bits of uint64 values, one to one, by the finaliser of SplitMix64 (Steele et al. 2014)."""
    for shift, factor in ((30, _MIX_1), (27, _MIX_2)):
        value = tf.bitwise.bitwise_xor(value, tf.bitwise.right_shift(value, _constant(shift)))
        value = value * _constant(factor)
    return tf.bitwise.bitwise_xor(value, tf.bitwise.right_shift(value, _constant(31)))


def _constant(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint64)
