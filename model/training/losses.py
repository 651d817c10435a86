"""The losses of GenCO, as sums over a batch of weighted impressions."""

import tensorflow as tf

LOG_PROBABILITY_FLOOR = -12.0


def cross_entropy(click: tf.Tensor, logit: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Full binary cross-entropy, weighted sum; eqs. 11 and 12 print only its positive half.

    Args:
        click: float32, 0 or 1.
        logit, weight: float32, of the shape of `click`.

    Returns:
        float32 scalar.
    """
    return tf.reduce_sum(weight * tf.nn.sigmoid_cross_entropy_with_logits(labels=click, logits=logit))


def policy_gradient(
    log_probability: tf.Tensor, reward: tf.Tensor, weight: tf.Tensor, present: tf.Tensor
) -> tf.Tensor:
    """L_RL whose gradient is -E[r grad log pi(c)], with log pi(c) the sum over components (eqs. 21, 22).

    The log probability is bounded below: where the mean reward is negative, log pi of whatever was
    shown would go to minus infinity.

    Args:
        log_probability: float32 [B, M], log pi of the shown elements.
        reward: float32 [B]; no gradient flows into it.
        weight: float32 [B, M] or [B, 1], of the impression, times an importance weight where one is used.
        present: bool [B, M], components that show an element.

    Returns:
        float32 scalar.
    """
    bounded = tf.maximum(log_probability, LOG_PROBABILITY_FLOOR)
    gain = tf.stop_gradient(weight * reward[:, None]) * bounded
    return -tf.reduce_sum(tf.where(present, gain, 0.0))


def clipped_importance_weight(log_probability: tf.Tensor, propensity: tf.Tensor, largest: float) -> tf.Tensor:
    """min(pi / propensity, largest) per shown element, float32 [B, M], without gradient."""
    return tf.stop_gradient(tf.minimum(tf.exp(log_probability) / propensity, largest))
