"""The two stages of the choice: pi_theta generates combinations, f_comb keeps the best (eqs. 24, 25)."""

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
    """Of the candidates of B ads, float32 [B, M, N]: scores, -inf where absent, and probabilities, then 0."""

    scores: tf.Tensor
    probabilities: tf.Tensor


def element_tables(model: GenCO, encoded: Encoded, temperature: tf.Tensor | None = None) -> ElementTables:
    """Scores of pi_theta and its probabilities (eq. 15).

    Args:
        model: that encoded the ads.
        encoded: B ads.
        temperature: float32 [B]; None stands for the configured one.
    """
    packed = model.score_elements(encoded)
    scores = padded(packed, encoded.index, model.layout.max_candidates, -float('inf'))
    divisor = model.config.temperature if temperature is None else temperature[:, None, None]
    # Where a component has no candidates, softmax is NaN.
    probabilities = tf.where(scores > -float('inf'), tf.nn.softmax(scores / divisor), 0.0)
    return ElementTables(scores, probabilities)


def generate(tables: ElementTables, seed: tf.Tensor, config: ModelConfig) -> tf.Tensor:
    """K combinations, the greedy one first and K - 1 drawn, int32 [B, K, M].

    Args:
        tables: of B ads.
        seed: int64 [B].
        config: says K, and whether the draws are without replacement.
    """
    if config.replacement:
        noise = draw_noise(seed, tables.scores.shape[1], config.samples)[:, :, 1:]
        drawn = sample_combinations(tables.probabilities, noise)
    else:
        drawn = sample_distinct_combinations(tables.probabilities, seed, config.samples - 1)
    return tf.concat([greedy_combination(tables.scores), drawn], 1)


def best(combinations: tf.Tensor, logit: tf.Tensor) -> tf.Tensor:
    """The combination of the highest logit float32 [B, K], int64 [B, M], of [B, K, M]."""
    return tf.cast(tf.gather(combinations, tf.argmax(logit, 1), batch_dims=1), tf.int64)


def best_by_ctr(model: GenCO, encoded: Encoded, combinations: tf.Tensor) -> tf.Tensor:
    """The combination of the highest predicted CTR, int64 [B, M], of integer [B, K, M]."""
    return best(combinations, combination_logits(model, encoded, combinations))
