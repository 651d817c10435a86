"""The two-stage choice: pi_theta generates combinations and f_comb selects the best one (eqs. 24, 25)."""

from typing import NamedTuple

import tensorflow as tf

from model.choice.combination_scores import combination_logits
from model.choice.sampling import (
    draw_noise,
    greedy_combination,
    sample_combinations,
    sample_distinct_combinations,
)
from model.config import ModelConfig
from model.features.packed_ops import padded
from model.network.genco import Encoded, GenCO


class ElementTables(NamedTuple):
    """The scores and probabilities of the candidates of B ads.

    Attributes:
        scores: float32 [B, M, N], -inf where there is no candidate.
        probabilities: float32 [B, M, N], 0 where there is no candidate.
    """

    scores: tf.Tensor
    probabilities: tf.Tensor


def element_tables(model: GenCO, encoded: Encoded, temperature: tf.Tensor | None = None) -> ElementTables:
    """Returns the scores and the probabilities of pi_theta (eq. 15).

    Args:
        model: The model that encoded the ads.
        encoded: B encoded ads.
        temperature: The temperature of each ad, float32 [B]; None stands for the configured temperature.
    """
    packed = model.score_elements(encoded)
    scores = padded(packed, encoded.index, model.tables.max_candidates, -float('inf'))
    divisor = model.config.temperature if temperature is None else temperature[:, None, None]
    # Softmax is NaN where a component has no candidates.
    probabilities = tf.where(scores > -float('inf'), tf.nn.softmax(scores / divisor), 0.0)
    return ElementTables(scores, probabilities)


def generate(tables: ElementTables, seed: tf.Tensor, config: ModelConfig) -> tf.Tensor:
    """Generates K combinations, the greedy one first and then K - 1 random ones, int32 [B, K, M].

    Args:
        tables: The scores and probabilities of the candidates of B ads.
        seed: The seed of each ad, int64 [B].
        config: The configuration, which gives K and says whether to draw with replacement.
    """
    if config.replacement:
        noise = draw_noise(seed, tables.scores.shape[1], config.samples)[:, :, 1:]
        drawn = sample_combinations(tables.probabilities, noise)
    else:
        drawn = sample_distinct_combinations(tables.probabilities, seed, config.samples - 1)
    return tf.concat([greedy_combination(tables.scores), drawn], 1)


def best(combinations: tf.Tensor, logit: tf.Tensor) -> tf.Tensor:
    """Selects from combinations [B, K, M] the one with the highest logit, float32 [B, K]: int64 [B, M]."""
    return tf.cast(tf.gather(combinations, tf.argmax(logit, 1), batch_dims=1), tf.int64)


def best_by_ctr(model: GenCO, encoded: Encoded, combinations: tf.Tensor) -> tf.Tensor:
    """Selects from combinations, integer [B, K, M], the one with the highest predicted CTR: int64 [B, M]."""
    return best(combinations, combination_logits(model, encoded, combinations))
