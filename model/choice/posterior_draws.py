"""Draws the effects of elements from their posterior, for Thompson sampling."""

import tensorflow as tf

from model.network.genco import Encoded
from model.ops.counter_rng import normal

# Counters from here downwards, which neither `generate` nor `explore` uses.
_FIRST = -(1 << 32)


def with_drawn_effects(encoded: Encoded, seed: tf.Tensor, scale: tf.Tensor) -> Encoded:
    """Returns the ads with the effect of each element drawn from N(mean, (scale x standard deviation)^2).

    Everything that is computed from the result, f_ele as well as f_comb, uses the same draw. The draws are
    independent across elements and ads. With a scale of 0 the effects are the means, exactly.

    Args:
        encoded: B encoded ads.
        seed: The seed of each ad, int64 [B]; equal seeds give equal draws, whatever else is in the batch.
        scale: The scale of each ad, float32 [B]: 1 is Thompson sampling (Chapelle and Li 2011), less explores less.
    """
    index, effects = encoded.index, encoded.effects
    place = index.position * index.counts.shape[1] + index.component
    noise = normal(tf.gather(seed, index.ad), _FIRST - tf.cast(place, tf.int64))
    spread = tf.gather(scale, index.ad) * effects.element_std
    drawn = effects._replace(element_bias=effects.element_bias + spread * noise)
    return encoded._replace(effects=drawn)
