"""The model on padded tensors, [B, M, N] with masks: the test oracle and speed baseline of the packed model.

It uses Keras's standard layers: `MultiHeadAttention` with a mask over the M N places of an ad, the context
broadcast to all places, and a masked softmax per component. Losses, metrics, optimizers and the other layers
are those of the packed model. A hand-written masked softmax instead of `MultiHeadAttention` would make it
about 15 % faster.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from model.features import packed_batch as keys
from model.features.packed_batch import Batch, Index
from model.network.genco import Combined, Encoded, GenCO
from model.training.trainer import GencoTrainer

_MASKED = -1e9


def pad(batch: Batch, max_candidates: int) -> Batch:
    """Pads the elements of a packed batch to int64 [B * M * N], with row 0 for padding."""
    counts = tf.reshape(batch[keys.COUNTS], [-1])
    rows = tf.RaggedTensor.from_row_lengths(batch[keys.ELEMENTS], counts)
    return batch | {keys.ELEMENTS: tf.reshape(rows.to_tensor(shape=[None, max_candidates]), [-1])}


def stock_attention_weights(weights: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Converts the weights of `CrossComponentAttention` to those of `MultiHeadAttention` with one head."""
    projection, output = weights
    return [part[:, None] for part in np.split(projection, 3, 1)] + [output[None]]


class PaddedGenCO(GenCO):
    """GenCO on batches from `pad`, whose T elements are all B * M * N places, including padding.

    It supports the preset `tuned` without texts.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.attention = tf.keras.layers.MultiHeadAttention(
            num_heads=1,
            key_dim=self.config.attention_dim,
            output_shape=self.config.attention_dim,
            use_bias=False,
            name='attention',
        )

    def encode(self, batch: Batch, training: bool = False, groups: int = 1, encoder=None) -> Encoded:
        mask = tf.sequence_mask(batch[keys.COUNTS], self.tables.max_candidates)
        rows = tf.reshape(batch[keys.ELEMENTS], tf.shape(mask))
        embeddings = tf.gather(self.element_embedding, rows) * tf.cast(mask, tf.float32)[..., None]
        counts = tf.cast(batch[keys.COUNTS], tf.float32)
        means = tf.math.divide_no_nan(tf.reduce_sum(embeddings, 2), counts[..., None])
        context = self.encoder(self.context_features(batch, means), training=training)
        kind = tf.broadcast_to(self.component_embedding[None, :, None], tf.shape(embeddings))
        features = tf.concat([embeddings, kind, self._attend(embeddings, mask)], -1)
        places, index = mask.shape[1] * mask.shape[2], _index(mask)
        return Encoded(
            index=index,
            context=context,
            element_context=tf.reshape(tf.repeat(context[:, None], places, 1), [-1, context.shape[1]]),
            features=tf.reshape(features, [-1, features.shape[-1]]),
            effects=self._effects_of(batch, index),
        )

    def score_elements(self, encoded: Encoded, training: bool = False) -> tf.Tensor:
        present = tf.reshape(encoded.index.position >= 0, [-1])
        return tf.where(present, super().score_elements(encoded, training), _MASKED)

    def log_policy(self, encoded: Encoded, scores: tf.Tensor) -> tf.Tensor:
        table = tf.reshape(scores, [-1, self.tables.max_candidates])
        return tf.reshape(tf.nn.log_softmax(table), [-1])

    def policy_entropy(self, encoded: Encoded, log_policy: tf.Tensor) -> tf.Tensor:
        present = encoded.index.position >= 0
        terms = tf.where(present, tf.exp(log_policy) * log_policy, 0.0)
        sums = tf.reduce_sum(tf.reshape(terms, [-1, self.tables.max_candidates]), 1)
        return -tf.reshape(sums, tf.shape(encoded.index.start))

    def _attend(self, embeddings: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Masked attention over all B x (M N) x (M N) pairs of places."""
        shape = tf.shape(embeddings)
        components, candidates = mask.shape[1], mask.shape[2]
        length = components * candidates
        component = tf.repeat(tf.range(components), candidates)
        other = component[:, None] != component[None]
        allowed = other & tf.reshape(mask, [-1, 1, length]) | tf.eye(length, dtype=tf.bool)
        elements = tf.reshape(embeddings, [-1, length, embeddings.shape[3]])
        attended = self.attention(elements, elements, attention_mask=allowed)
        return tf.reshape(attended, [shape[0], components, candidates, attended.shape[-1]])


class PaddedTrainer(GencoTrainer):
    """The trainer of a `PaddedGenCO`, on batches from `pad`."""

    def _collect(self, inputs: Batch, combined: Combined) -> None:
        mask = tf.reshape(tf.sequence_mask(inputs[keys.COUNTS], self.network.tables.max_candidates), [-1])
        elements = tf.boolean_mask(inputs[keys.ELEMENTS], mask)
        super()._collect(inputs | {keys.ELEMENTS: elements}, combined)


def _index(mask: tf.Tensor) -> Index:
    """The index of all places, in which padding has position -1."""
    ads, components, candidates = tf.shape(mask)[0], mask.shape[1], mask.shape[2]
    segment = tf.repeat(tf.range(ads * components), candidates)
    position = tf.tile(tf.range(candidates), [ads * components])
    return Index(
        ad=segment // components,
        component=segment % components,
        segment=segment,
        counts=tf.reduce_sum(tf.cast(mask, tf.int32), 2),
        start=tf.reshape(tf.range(ads * components) * candidates, [ads, components]),
        position=tf.where(tf.reshape(mask, [-1]), position, -1),
    )
