"""Scores many combinations per ad at once; the combinations share the ad's elements."""

import tensorflow as tf

from model.network.genco import Encoded, GenCO

# The largest a of an ad is 1. This lower bound, below which elements no longer differ, keeps sums above 0.
_SMALLEST = 1e-30
_HALF = 1 << 16  # A code is split into two halves of 16 bits; a sum of up to 256 halves is exact in float32.


def combination_logits(model: GenCO, encoded: Encoded, combinations: tf.Tensor) -> tf.Tensor:
    """Returns s of combinations (eqs. 17, 18), float32 [B, K], as `GenCO.score_combination` computes it.

    If a_e = exp(logit of w) for an element e, then f_c = sum_j a_j f_j / sum_j a_j. Hence a_e f_e, a_e, the
    bias, the code and the factors of synergy are computed once per element, and a combination is the sum of the
    rows of its elements.

    Args:
        model: The model that encoded the ads.
        encoded: B encoded ads.
        combinations: Positions among the candidates, integer [B, K, M], -1 where a component is absent.
    """
    rows = _rows(model, encoded)
    chosen = tf.cast(combinations, tf.int32)
    place = tf.where(chosen < 0, 0, encoded.index.start[:, None] + 1 + chosen)
    sums = tf.reduce_sum(tf.gather(rows, place), 2)
    width, placed = encoded.features.shape[1] + 1 if model.config.phi else 0, encoded.effects.synergy.shape[1]
    weighted, bias, code, synergy = tf.split(sums, [width, 1, 2, placed], 2)
    low, high = tf.unstack(tf.cast(code, tf.int64), axis=2)
    codes = encoded.effects.ad_code[:, None] + low + high * _HALF
    offset = _phi(model, encoded, weighted) if model.config.phi else tf.zeros_like(bias[:, :, 0])
    return model.combination_logit(offset, bias[:, :, 0], encoded.effects.ad_bias[:, None], codes, synergy)


def _phi(model: GenCO, encoded: Encoded, weighted: tf.Tensor) -> tf.Tensor:
    """phi of combinations, float32 [B, K], given the sums of (a f, a) over their elements, float32 [B, K, F + 1]."""
    samples = weighted.shape[1] or tf.shape(weighted)[1]
    flat = tf.reshape(weighted, [-1, weighted.shape[2]])
    context = tf.reshape(tf.tile(encoded.context, [1, samples]), [-1, encoded.context.shape[1]])
    offset = model.phi(context, flat[:, :-1] / tf.maximum(flat[:, -1:], _SMALLEST))
    return tf.reshape(offset, [-1, samples])


def _rows(model: GenCO, encoded: Encoded) -> tf.Tensor:
    """A zero row, then (a f, a, bias, halves of the code, synergy) per element, float32 [T + 1, any].

    Without phi, a f and a are left out.
    """
    effects = encoded.effects
    code = effects.element_code
    halves = tf.cast(tf.stack([code % _HALF, code // _HALF], 1), tf.float32)
    parts = [effects.element_bias[:, None], halves, effects.synergy]
    if model.config.phi:
        ad = encoded.index.ad
        logits = model.aggregation.logits(encoded.element_context, encoded.features)
        logits += effects.log_importance
        top = tf.gather(tf.math.unsorted_segment_max(logits, ad, tf.size(effects.ad_bias)), ad)
        strength = tf.maximum(tf.exp(logits - top), _SMALLEST)[:, None]
        parts = [strength * encoded.features, strength, *parts]
    return tf.pad(tf.concat(parts, 1), [[1, 0], [0, 0]])
