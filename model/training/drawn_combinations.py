"""The policy gradient of combinations that the policy draws, rewarded by their predicted CTR (eq. 22)."""

import tensorflow as tf

from model.choice.combination_scores import combination_logits
from model.choice.sampling import sample_combinations
from model.features.packed_ops import padded
from model.network.genco import Encoded, GenCO
from model.training.losses import leave_one_out, policy_gradient


def drawn_policy_gradient(
    network: GenCO, encoded: Encoded, log_policy: tf.Tensor, noise: tf.Tensor, weight: tf.Tensor
) -> tf.Tensor:
    """Returns a loss whose expected gradient is that of -sum_c pi(c) CTR(c) for fixed CTR, summed over ads.

    CTR(c) is that of f_comb. It passes no gradient, so the generator learns from f_comb and not the reverse. Each
    draw is rewarded by how much its CTR exceeds the mean of the other draws of its ad.

    Args:
        network: The network that encoded the ads.
        encoded: B encoded ads.
        log_policy: log pi_theta of the packed elements, float32 [T].
        noise: Uniform numbers above 0 and at most 1, of which each draws an element, float32 [B, M, n], n > 1.
        weight: The weight of each ad, float32 [B].

    Returns:
        A float32 scalar.
    """
    probability = tf.exp(tf.stop_gradient(log_policy))
    table = padded(probability, encoded.index, network.tables.max_candidates, 0.0)
    combinations = sample_combinations(table, noise)
    ctr = tf.stop_gradient(tf.sigmoid(combination_logits(network, encoded, combinations)))
    place, present = network.places(encoded.index, combinations)
    components, samples = noise.shape[1:]
    return policy_gradient(
        tf.reshape(tf.gather(log_policy, place), [-1, components]),
        tf.reshape(leave_one_out(ctr), [-1]),
        tf.repeat(weight / samples, samples)[:, None],
        tf.reshape(present, [-1, components]),
    )
