"""The network of GenCO: it encodes ads and scores their elements and combinations, and does nothing else."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from model.config import ModelConfig, TrainingConfig
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch, Index, index_of
from model.features.packed_ops import entropy, log_softmax
from model.network.layers.context_encoder import ContextEncoder
from model.network.layers.context_features import ContextFeatures, embedding_table
from model.network.layers.cross_component_attention import GROUPS, CrossComponentAttention
from model.network.layers.fitted_effects import BatchEffects, FittedEffects
from model.network.layers.mil_aggregation import MilAggregation
from model.network.layers.score_network import ScoreNetwork
from model.ops.segment_ops import mean_rows, spread_rows


class Encoded(NamedTuple):
    """A batch after the layers that elements and combinations share.

    Attributes:
        index: The place of each packed element.
        context: h, float32 [B, H]; H is 0 in a network without phi.
        element_context: h of the ad of each element, float32 [T, H].
        features: f_e = (emb(e), emb(C), z), float32 [T, F] (eq. 16); F is 0 in a network without phi.
        effects: The additive effects of ads and elements; zero in a model without them.
    """

    index: Index  # type: ignore[assignment]
    context: tf.Tensor
    element_context: tf.Tensor
    features: tf.Tensor
    effects: BatchEffects


class Combined(NamedTuple):
    """Scores of one combination per ad (eqs. 17, 18).

    Attributes:
        logit: s, the logit of the predicted CTR, float32 [B].
        weights: w, the attention weight of each component, float32 [B, M].
        offset: The part of s that phi gives, float32 [B].
        codes: The code of each combination, int64 [B].
    """

    logit: tf.Tensor
    weights: tf.Tensor
    offset: tf.Tensor
    codes: tf.Tensor


class GenCO(tf.keras.Model):
    """The network of GenCO on packed batches (see `model.features.packed_batch.pack`).

    Args:
        tables: The tables of the features.
        config: The shape of the network.
        training: The prior standard deviations of the additive effects.

    Attributes:
        intercept: A logit that all combinations have in common, float32 scalar.
        effects: `FittedEffects`, or None in a model without them.

    Example:
        network = GenCO(tables, ModelConfig(), TrainingConfig())
        scores = network.score_elements(network.encode(batch))

    Reference: GenCO, eqs. 8 to 19.
    """

    def __init__(self, tables: FeatureTables, config: ModelConfig, training: TrainingConfig, **kwargs):
        super().__init__(**kwargs)
        self.tables, self.config = tables, config
        components = len(tables.components)
        dim = config.element_dim
        self.aggregation = MilAggregation(name='mil_aggregation')
        if config.phi:
            self.context_features = ContextFeatures(tables, dim, name='context_features')
            self.element_embedding = embedding_table(tables.element_rows, dim, 'element_embedding')
            self.component_embedding = embedding_table(components, dim, 'component_embedding')
            self.encoder = ContextEncoder(config.encoder_units, name='context_encoder')
            if config.attention:
                self.attention = CrossComponentAttention(components, config.attention_dim, name='attention')
            self.phi = ScoreNetwork(config.phi_units, start_at_zero=config.additive, name='phi')
        self.intercept = self.add_weight('intercept', [], tf.float32, 'zeros', trainable=False)
        self.effects = FittedEffects(tables, config, training, name='effects') if config.additive else None
        self._ad_axis = list(tables.ids).index(tables.ad)
        self._ad_offset = sum(list(tables.ids.values())[: self._ad_axis])

    @property
    def embeddings(self) -> list[tf.Variable]:
        """The embedding tables of ids, those of the context and of the elements; none without phi."""
        return [self.context_features.embedding, self.element_embedding] if self.config.phi else []

    @property
    def served_tables(self) -> dict[str, tf.Variable]:
        """The variables with one row per id that a choice reads, by name; all else that it reads is small."""
        embeddings = dict(zip(('context_embedding', 'element_embedding'), self.embeddings))
        return embeddings | (self.effects.tables if self.effects else {})

    def encode(
        self,
        batch: Batch,
        training: bool = False,
        groups: int = GROUPS,
        encoder: Callable[[tf.Tensor], tf.Tensor] | None = None,
    ) -> Encoded:
        """The layers shared by elements and combinations.

        Args:
            batch: A packed batch.
            training: Whether batch normalisation uses, and learns from, the statistics of the batch.
            groups: The number of groups of ads in the attention. The result is the same; 1 is the fastest for
                few ads.
            encoder: Used instead of the model's own encoder: its `ContextEncoder.folded`.
        """
        index = index_of(batch[keys.COUNTS])
        effects = self._effects_of(batch, index)
        if not self.config.phi:
            of_ads, of_elements = (tf.zeros([tf.shape(part)[0], 0]) for part in (index.counts, index.ad))
            return Encoded(index, of_ads, of_elements, of_elements, effects)
        embeddings = tf.gather(self.element_embedding, batch[keys.ELEMENTS])
        means = mean_rows(embeddings, index.segment, tf.reshape(index.counts, [-1]))
        inputs = self.context_features(batch, means)
        context = encoder(inputs) if encoder else self.encoder(inputs, training=training)
        if self.config.attention:
            attended = self.attention(embeddings, index, groups)
        else:
            attended = tf.zeros([tf.shape(embeddings)[0], self.config.attention_dim])
        kind = tf.one_hot(index.component, len(self.tables.components)) @ self.component_embedding
        features = tf.concat([embeddings, kind, attended], 1)
        element_context = spread_rows(context, index.ad)
        return Encoded(index, context, element_context, features, effects)

    def ad_rows(self, batch: Batch) -> tf.Tensor:
        """The row of each ad among the ads, int64 [B]."""
        return batch[keys.CONTEXT_IDS][:, self._ad_axis] - self._ad_offset

    def score_elements(self, encoded: Encoded, training: bool = False) -> tf.Tensor:
        """p (eq. 19), the logits of the policy, float32 [T].

        They include the synergy with the elements that are likely to be shown beside each, so that the policy generates
        combinations that f_comb prefers.

        Args:
            encoded: The encoded batch.
            training: Whether the model is being trained: until the fit at the end there are no synergies to compute.
        """
        scores = encoded.effects.element_bias
        if self.config.phi:
            scores += self.phi(encoded.element_context, encoded.features)
        if self.effects and self.effects.interactions.synergy_dim and not training:
            products = self.effects.interactions
            scores += products.expected_synergy(scores, encoded.effects.synergy, encoded.index)
        return scores

    def log_policy(self, encoded: Encoded, scores: tf.Tensor) -> tf.Tensor:
        """log pi_theta of each element within its component (eq. 15), float32 [T]."""
        return log_softmax(scores, encoded.index.segment, tf.size(encoded.index.start))

    def policy_entropy(self, encoded: Encoded, log_policy: tf.Tensor) -> tf.Tensor:
        """The entropy of pi_theta for each component, in nats, float32 [B, M]."""
        return entropy(log_policy, encoded.index)

    def score_combination(self, encoded: Encoded, combination: tf.Tensor) -> Combined:
        """s of one combination per ad (eqs. 17, 18), the logit of its CTR.

        `model.choice.combination_scores` gives the same for many combinations per ad, in less time.

        Args:
            combination: Positions among the candidates, integer [B, M]; -1 where a component is absent.
        """
        place, present = self.places(encoded.index, combination)
        effects = encoded.effects
        logits = tf.gather(effects.log_importance, place)
        if self.config.phi:
            features = tf.gather(encoded.features, place)
            context = tf.repeat(encoded.context[:, None], place.shape[1], 1)
            combined, weights = self.aggregation(
                features, logits + self.aggregation.logits(context, features), present
            )
            offset = self.phi(encoded.context, combined)
        else:
            weights = self.aggregation.weights_of(logits, present)
            offset = tf.zeros_like(effects.ad_bias)
        bias = tf.reduce_sum(tf.where(present, tf.gather(effects.element_bias, place), 0.0), -1)
        codes = tf.where(present, tf.gather(effects.element_code, place), tf.constant(0, tf.int64))
        codes = effects.ad_code + tf.reduce_sum(codes, -1)
        synergy = tf.where(present[..., None], tf.gather(effects.synergy, place), 0.0)
        logit = self.combination_logit(offset, bias, effects.ad_bias, codes, tf.reduce_sum(synergy, -2))
        return Combined(logit, weights, offset, codes)

    def combination_logit(
        self,
        offset: tf.Tensor,
        element_bias: tf.Tensor,
        ad_bias: tf.Tensor,
        codes: tf.Tensor,
        synergy: tf.Tensor,
    ) -> tf.Tensor:
        """s of combinations from its parts (eq. 18 and the fitted effects).

        Args:
            offset: phi of the aggregated features, float32 [...].
            element_bias: The sum of the effects of the elements of each combination, float32 [...].
            ad_bias: The effect of the ad, float32, broadcast to the shape of `offset`.
            codes: The code of each combination, int64 [...].
            synergy: The sum of the placed factors of synergy of its elements, float32 [..., M D].
        """
        if self.effects:
            element_bias += self.effects.combination_bias(codes)
            if self.effects.interactions.synergy_dim:
                element_bias += self.effects.interactions.synergy(synergy)
        return offset + (self.intercept + ad_bias + element_bias)

    @staticmethod
    def places(index: Index, chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Places of chosen candidates, [B, M] or [B, K, M], among the packed elements, and their presence.

        Where a component is absent (-1), the place is 0 and presence is False.
        """
        start = index.start if chosen.shape.rank == 2 else index.start[:, None]
        present = chosen >= 0
        return tf.where(present, start + tf.cast(chosen, tf.int32), 0), present

    def _effects_of(self, batch: Batch, index: Index) -> BatchEffects:
        ads = self.ad_rows(batch)
        if self.effects:
            return self.effects.of_batch(batch, index, ads)
        return BatchEffects.zero(batch[keys.ELEMENTS], ads)
