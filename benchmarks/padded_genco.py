"""The same model written padded, [B, M, N] with masks: the oracle and the yardstick of the packed one."""

import tensorflow as tf

from model import batch as keys
from model.batch import Batch, Index
from model.genco import Encoded, GenCO

_MASKED = -1e9


def pad(batch: Batch, max_candidates: int) -> Batch:
    """A packed batch with elements int64 [B * M * N], row 0 where there is none."""
    counts = tf.reshape(batch[keys.COUNTS], [-1])
    rows = tf.RaggedTensor.from_row_lengths(batch[keys.ELEMENTS], counts)
    return batch | {keys.ELEMENTS: tf.reshape(rows.to_tensor(shape=[None, max_candidates]), [-1])}


class PaddedGenCO(GenCO):
    """GenCO on batches from `pad`; its T elements are all B * M * N places, most of them padding."""

    def encode(self, batch: Batch, training: bool = False) -> Encoded:
        counts, candidates = batch[keys.COUNTS], self.layout.max_candidates
        mask = tf.sequence_mask(counts, candidates)
        rows = tf.reshape(batch[keys.ELEMENTS], [-1, counts.shape[1], candidates])
        embeddings = tf.gather(self.element_embedding, rows) * tf.cast(mask, tf.float32)[..., None]
        context = self.encoder(self._padded_context(batch, embeddings), training=training)
        attended = self._attend(embeddings, mask)
        shape = tf.shape(embeddings)
        kind = tf.broadcast_to(self.component_embedding[None, :, None], shape)
        features = tf.concat([embeddings, kind, attended], -1)
        flat = tf.reshape(features, [-1, features.shape[-1]])
        index = _index(mask)
        bias = tf.reshape(self.element_bias(rows), [-1])
        element_context = tf.gather(context, index.ad)
        return Encoded(index, context, element_context, flat, bias, self.ad_bias(self._ad_rows(batch)))

    def score_elements(self, encoded: Encoded) -> tf.Tensor:
        present = tf.reshape(encoded.index.position >= 0, [-1])
        return tf.where(present, super().score_elements(encoded), _MASKED)

    def log_policy(self, encoded: Encoded, scores: tf.Tensor) -> tf.Tensor:
        table = tf.reshape(scores, [-1, self.layout.max_candidates])
        return tf.reshape(tf.nn.log_softmax(table), [-1])

    def _entropy(self, encoded: Encoded, log_policy: tf.Tensor) -> tf.Tensor:
        present = encoded.index.position >= 0
        terms = tf.where(present, tf.exp(log_policy) * log_policy, 0.0)
        sums = tf.reduce_sum(tf.reshape(terms, [-1, self.layout.max_candidates]), 1)
        return -tf.reshape(sums, tf.shape(encoded.index.start))

    def _padded_context(self, batch: Batch, embeddings: tf.Tensor) -> tf.Tensor:
        """The packed model's encoder input, with the means over candidates taken densely."""
        counts = tf.cast(batch[keys.COUNTS], tf.float32)
        means = tf.math.divide_no_nan(tf.reduce_sum(embeddings, 2), counts[..., None])
        width = len(self.layout.components) * self.config.element_dim
        return tf.concat(
            [*self._request_inputs(batch), tf.math.log1p(counts), tf.reshape(means, [-1, width])], 1
        )

    def _attend(self, embeddings: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Masked softmax attention over all B x (M N) x (M N) pairs."""
        shape = tf.shape(embeddings)
        length = embeddings.shape[1] * embeddings.shape[2]
        query, key, value = self.attention.project(tf.reshape(embeddings, [-1, length, embeddings.shape[3]]))
        logits = tf.matmul(query, key, transpose_b=True)
        component = tf.repeat(tf.range(embeddings.shape[1]), embeddings.shape[2])
        other = component[:, None] != component[None]
        allowed = other & tf.reshape(mask, [-1, 1, length]) | tf.eye(length, dtype=tf.bool)
        weights = tf.nn.softmax(tf.where(allowed, logits, _MASKED))
        attended = self.attention.combine(tf.matmul(weights, value))
        return tf.reshape(attended, [shape[0], shape[1], shape[2], attended.shape[-1]])


def _index(mask: tf.Tensor) -> Index:
    """Index of all places; the position of padding is -1."""
    ads, components, candidates = tf.shape(mask)[0], mask.shape[1], mask.shape[2]
    segment = tf.repeat(tf.range(ads * components), candidates)
    position = tf.tile(tf.range(candidates), [ads * components])
    return Index(
        ad=segment // components,
        component=segment % components,
        segment=segment,
        start=tf.reshape(tf.range(ads * components) * candidates, [ads, components]),
        position=tf.where(tf.reshape(mask, [-1]), position, -1),
    )
