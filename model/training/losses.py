"""The losses of GenCO, as sums over a batch of weighted impressions."""

import tensorflow as tf

LOG_PROBABILITY_FLOOR = -12.0


def cross_entropy(click: tf.Tensor, logit: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Returns the weighted sum of the full binary cross-entropy.

    Equations 11 and 12 print only the term for clicked impressions.

    Args:
        click: The labels, float32, 0 or 1.
        logit, weight: The logit and the weight of each label, float32, in the shape of `click`.

    Returns:
        A float32 scalar.
    """
    return tf.reduce_sum(weight * tf.nn.sigmoid_cross_entropy_with_logits(labels=click, logits=logit))


def policy_gradient(
    log_probability: tf.Tensor, reward: tf.Tensor, weight: tf.Tensor, present: tf.Tensor
) -> tf.Tensor:
    """Returns L_RL, whose gradient is -E[r grad log pi(c)]; log pi(c) is a sum over components (eqs. 21, 22).

    The log probability is bounded below because log pi of the shown elements would go to minus infinity if
    the mean reward is negative.

    Args:
        log_probability: log pi of the shown elements, float32 [B, M].
        reward: The reward of each impression, float32 [B]; no gradient flows into it.
        weight: The weight of the impression, times an importance weight where one is used, float32 [B, M]
            or [B, 1].
        present: Whether the component shows an element, bool [B, M].

    Returns:
        A float32 scalar.
    """
    bounded = tf.maximum(log_probability, LOG_PROBABILITY_FLOOR)
    gain = tf.stop_gradient(weight * reward[:, None]) * bounded
    return -tf.reduce_sum(tf.where(present, gain, 0.0))


def leave_one_out(reward: tf.Tensor) -> tf.Tensor:
    """Returns each reward minus the mean of the others of its row, float32 [B, n], for rewards float32 [B, n], n > 1.

    This baseline does not depend on the draw that it is subtracted from, so the policy gradient stays unbiased
    (Kool et al. 2019, "Buy 4 REINFORCE Samples, Get a Baseline for Free!").
    """
    samples = reward.shape[1]
    return (reward - tf.reduce_mean(reward, 1, keepdims=True)) * (samples / (samples - 1))


def clipped_importance_weight(log_probability: tf.Tensor, propensity: tf.Tensor, largest: float) -> tf.Tensor:
    """Returns min(pi / propensity, largest) of each shown element, float32 [B, M], without gradient."""
    return tf.stop_gradient(tf.minimum(tf.exp(log_probability) / propensity, largest))
