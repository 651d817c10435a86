"""The input of the context encoder (eq. 14): the request, and statistics of its candidates."""

import tensorflow as tf

from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch, segments_of
from model.ops.segment_ops import mean_rows


class ContextFeatures(tf.keras.layers.Layer):
    """(A_i, q, {stat(S_ij)}) as one vector per ad.

    It holds the embedded ids of the request and of the ad, the standardised numbers, the mean embedding of
    each list of terms, and stat(S_ij): the logarithm of 1 + the number of candidates of each component, and
    their mean embedding.

    Args:
        tables: The tables of the features.
        dim: D, the size of an embedding.

    Call: A packed batch of B ads, and the mean embedding of the candidates of each component, float32
    [B * M, D] or [B, M, D] -> float32 [B, any].

    Reference: GenCO, eq. 14.
    """

    def __init__(self, tables: FeatureTables, dim: int, **kwargs):
        super().__init__(**kwargs)
        self._tables, self._dim = tables, dim
        self.embedding = embedding_table(tables.context_rows, dim, 'context_embedding')

    def call(self, batch: Batch, candidate_means: tf.Tensor) -> tf.Tensor:
        width = len(self._tables.components) * self._dim
        log_counts = tf.math.log1p(tf.cast(batch[keys.COUNTS], tf.float32))
        return tf.concat([*self._request(batch), log_counts, tf.reshape(candidate_means, [-1, width])], 1)

    def _request(self, batch: Batch) -> list[tf.Tensor]:
        """Embedded ids, numbers, and mean embeddings of terms, each float32 [B, any]."""
        ids = tf.gather(self.embedding, batch[keys.CONTEXT_IDS])
        parts = [tf.reshape(ids, [-1, len(self._tables.ids) * self._dim])]
        if self._tables.numbers:
            parts.append(batch[keys.NUMBERS])
        if self._tables.terms:
            terms = tf.gather(self.embedding, batch[keys.TERMS])
            lengths = tf.reshape(batch[keys.TERM_COUNTS], [-1])
            means = mean_rows(terms, segments_of(lengths), lengths)
            parts.append(tf.reshape(means, [-1, len(self._tables.terms) * self._dim]))
        return parts


def embedding_table(rows: int, dim: int, name: str) -> tf.Variable:
    """A table of embeddings, float32 [rows, dim], drawn from N(0, 0.05^2)."""
    return tf.Variable(tf.random.normal([rows, dim], stddev=0.05), name=name)
