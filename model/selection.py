"""The two stages of the choice: pi_theta generates combinations, f_comb keeps the best (eqs. 24, 25)."""

from typing import NamedTuple

import tensorflow as tf

from model.combinations import combination_logits
from model.genco import Encoded, GenCO
from model.sampling import greedy_combination, sample_combinations
from model.segments import counts_of, padded


class ElementTables(NamedTuple):
    """Of the candidates of B ads, float32 [B, M, N]: scores, -inf where absent, and probabilities, then 0."""

    scores: tf.Tensor
    probabilities: tf.Tensor


def element_tables(model: GenCO, encoded: Encoded) -> ElementTables:
    """Scores of pi_theta and its probabilities at the configured temperature (eq. 15)."""
    packed = model.score_elements(encoded)
    scores = padded(packed, encoded.index, model.layout.max_candidates, -float('inf'))
    present = counts_of(encoded.index)[..., None] > 0
    logits = tf.where(present, scores / model.config.temperature, 0.0)
    return ElementTables(scores, tf.where(present, tf.nn.softmax(logits), 0.0))


def generate(tables: ElementTables, noise: tf.Tensor) -> tf.Tensor:
    """K combinations, the greedy one first and K - 1 drawn, int32 [B, K, M].

    Args:
        tables: of B ads.
        noise: float32 [B, M, K], from `model.sampling.draw_noise`.
    """
    drawn = sample_combinations(tables.probabilities, noise[:, :, 1:])
    return tf.concat([greedy_combination(tables.scores), drawn], 1)


def best(combinations: tf.Tensor, logit: tf.Tensor) -> tf.Tensor:
    """The combination of the highest logit float32 [B, K], int64 [B, M], of [B, K, M]."""
    return tf.cast(tf.gather(combinations, tf.argmax(logit, 1), batch_dims=1), tf.int64)


def best_by_ctr(model: GenCO, encoded: Encoded, combinations: tf.Tensor) -> tf.Tensor:
    """The combination of the highest predicted CTR, int64 [B, M], of integer [B, K, M]."""
    return best(combinations, combination_logits(model, encoded, combinations))
