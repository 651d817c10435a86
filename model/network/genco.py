"""The GenCO model: generation by pi_theta, multi-instance reward learning, policy gradient."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
import tensorflow_recommenders as tfrs

from creative_logs.schema import CLICK, WEIGHT
from model.config import ModelConfig, TrainingConfig
from model.features import packed_batch as keys
from model.features.feature_tables import Layout
from model.features.packed_batch import Batch, Index, index_of, segments_of
from model.features.packed_ops import log_softmax
from model.network.layers import (
    CombinationBias,
    ContextEncoder,
    CrossComponentAttention,
    MilAggregation,
    ScoreNetwork,
    ShrunkBias,
    SubwordBias,
)
from model.network.layers.cross_component_attention import GROUPS
from model.ops.segment_ops import mean_rows, spread_rows
from model.training.losses import clipped_importance_weight, cross_entropy, policy_gradient
from model.training.map_effects import Effects
from model.training.optimizers import create_optimizer
from model.training.training_impressions import Evidence

_MEANS = ('loss_combination', 'loss_element', 'loss_rl', 'click_rate', 'predicted_ctr')
_MEANS_PER_COMPONENT = ('entropy', 'attention_weight')


class Encoded(NamedTuple):
    """A batch after the layers that elements and combinations share.

    Attributes:
        index: where the packed elements belong.
        context: h, float32 [B, H], and element_context: the same per element, float32 [T, H].
        features: f_e = (emb(e), emb(C), z), float32 [T, F] (eq. 16).
        element_bias: float32 [T], and ad_bias: float32 [B], logits of the additive part; zero without it.
        element_code: int64 [T], and ad_code: int64 [B], which add up to the code of a combination.
    """

    index: Index
    context: tf.Tensor
    element_context: tf.Tensor
    features: tf.Tensor
    element_bias: tf.Tensor
    ad_bias: tf.Tensor
    element_code: tf.Tensor
    ad_code: tf.Tensor


class Combined(NamedTuple):
    """Scored combinations: s (a logit) float32 [B], w float32 [B, M] (eqs. 17, 18), and offset float32 [B],
    what phi alone gives of s."""

    logit: tf.Tensor
    weights: tf.Tensor
    offset: tf.Tensor


class GenCO(tfrs.Model):
    """GenCO on packed batches (see `model.features.packed_batch.pack`).

    Args:
        layout: tables and axes.
        config: shape of the network.
        training: losses and optimizers.

    Example:
        model = GenCO(layout, ModelConfig(), TrainingConfig())
        model.compile()
        model.fit(dataset_of_packed_batches)

    Reference: GenCO, eqs. 8 to 25.
    """

    def __init__(self, layout: Layout, config: ModelConfig, training: TrainingConfig, **kwargs):
        super().__init__(**kwargs)
        self.layout, self.config, self.training_config = layout, config, training
        components = len(layout.components)
        dim = config.element_dim
        self.context_embedding = _table(layout.context_rows, dim, 'context_embedding')
        self.element_embedding = _table(layout.element_rows, dim, 'element_embedding')
        self.component_embedding = _table(components, dim, 'component_embedding')
        self.encoder = ContextEncoder(config.encoder_units, name='context_encoder')
        if config.attention:
            self.attention = CrossComponentAttention(components, config.attention_dim, name='attention')
        self.aggregation = MilAggregation(name='mil_aggregation')
        self.phi = ScoreNetwork(config.phi_units, start_at_zero=config.additive, name='phi')
        self.intercept = self.add_weight('intercept', [], tf.float32, 'zeros', trainable=False)
        if config.additive:
            self.element_bias = ShrunkBias(
                layout.element_rows, training.element_prior_std, name='element_bias'
            )
            self.ad_bias = ShrunkBias(layout.ids[layout.ad], training.ad_prior_std, name='ad_bias')
            if layout.subwords:
                self.subword_bias = SubwordBias(sum(layout.subwords.values()), name='subword_bias')
            self.combination_bias = CombinationBias(
                config.combination_rows, components, name='combination_bias'
            )
            self.evidence = Evidence(layout, training.evidence_impressions)
        self._ad_axis = list(layout.ids).index(layout.ad)
        self._ad_offset = sum(list(layout.ids.values())[: self._ad_axis])
        self._create_tasks()

    def _create_tasks(self) -> None:
        loss = tf.keras.losses.BinaryCrossentropy(from_logits=True, reduction='sum')
        self.combination_task = tfrs.tasks.Ranking(loss=loss)
        self.auc = tf.keras.metrics.AUC(name='auc', from_logits=True)
        names = list(self.layout.components)
        self._mean_names = [*_MEANS, *(f'{group}/{name}' for group in _MEANS_PER_COMPONENT for name in names)]
        self.means = tf.keras.metrics.MeanTensor(name='means', shape=[len(self._mean_names)])

    def figures(self) -> dict[str, float]:
        """Means over the batches since the metrics were last reset: loss terms, click rate, predicted CTR,
        AUC; entropy of pi and attention weight per component."""
        means = dict(zip(self._mean_names, self.means.result().numpy().tolist(), strict=True))
        return means | {'auc': float(self.auc.result())}

    def compile(self, **kwargs) -> None:
        """Compiles with the optimizers of the training configuration."""
        super().compile(optimizer=create_optimizer(self, self.training_config), **kwargs)

    @property
    def sparse_variables(self) -> list[tf.Variable]:
        """Embedding tables: summed gradients and an optimizer of their own."""
        return [self.context_embedding, self.element_embedding]

    @property
    def served_tables(self) -> list[tf.Variable]:
        """The variables with a row per id that a choice reads; all else that it reads is small."""
        if not self.config.additive:
            return self.sparse_variables
        biases = [self.element_bias, self.ad_bias, self.combination_bias]
        if self.layout.subwords:
            biases.append(self.subword_bias)
        return [*self.sparse_variables, *(bias.mean for bias in biases)]

    @property
    def dense_variables(self) -> list[tf.Variable]:
        """All other trainable weights: mean gradients."""
        sparse = {id(variable) for variable in self.sparse_variables}
        return [variable for variable in self.trainable_variables if id(variable) not in sparse]

    def encode(
        self,
        batch: Batch,
        training: bool = False,
        groups: int = GROUPS,
        encoder: Callable[[tf.Tensor], tf.Tensor] | None = None,
    ) -> Encoded:
        """The layers shared by elements and combinations.

        Args:
            batch: packed.
            training: whether batch normalisation learns.
            groups: of ads in the attention: the result is the same, 1 is the quickest for few ads.
            encoder: in place of the model's own: `ContextEncoder.folded` of it.
        """
        index = index_of(batch[keys.COUNTS])
        embeddings = tf.gather(self.element_embedding, batch[keys.ELEMENTS])
        inputs = self._context_inputs(batch, embeddings, index)
        context = encoder(inputs) if encoder else self.encoder(inputs, training=training)
        if self.config.attention:
            attended = self.attention(embeddings, index, groups)
        else:
            attended = tf.zeros([tf.shape(embeddings)[0], self.config.attention_dim])
        kind = tf.one_hot(index.component, len(self.layout.components)) @ self.component_embedding
        features = tf.concat([embeddings, kind, attended], 1)
        element_context = spread_rows(context, index.ad)
        return Encoded(index, context, element_context, features, *self._additive_part(batch, index))

    def _additive_part(self, batch: Batch, index: Index) -> tuple[tf.Tensor, ...]:
        """The fields of `Encoded` from element_bias on."""
        ads, elements = self._ad_rows(batch), batch[keys.ELEMENTS]
        if not self.config.additive:
            zeros = tf.zeros_like(elements, tf.float32), tf.zeros_like(ads, tf.float32)
            return *zeros, tf.zeros_like(elements), tf.zeros_like(ads)
        codes = self.combination_bias
        return (
            self._element_biases(batch),
            self.ad_bias(ads),
            codes.element_codes(elements, index.component),
            codes.ad_codes(ads),
        )

    def score_elements(self, encoded: Encoded) -> tf.Tensor:
        """p (eq. 19), the policy's logits, float32 [T]."""
        return self.phi(encoded.element_context, encoded.features) + encoded.element_bias

    def log_policy(self, encoded: Encoded, scores: tf.Tensor) -> tf.Tensor:
        """log pi_theta of each element within its component (eq. 15), float32 [T]."""
        return log_softmax(scores, encoded.index.segment, tf.size(encoded.index.start))

    def score_combination(self, encoded: Encoded, combination: tf.Tensor) -> Combined:
        """s of a combination per ad (eqs. 17, 18), a logit of the CTR.

        Of many combinations per ad, `model.choice.combination_scores` gives the same in less time.

        Args:
            combination: integer [B, M], positions among the candidates, -1 where absent.
        """
        place, present = self.places(encoded.index, combination)
        features = tf.gather(encoded.features, place)
        context = tf.repeat(encoded.context[:, None], place.shape[1], 1)
        combined, weights = self.aggregation(features, self.aggregation.logits(context, features), present)
        offset = self.phi(encoded.context, combined)
        return Combined(offset + self._additive_logit(encoded, place, present), weights, offset)

    def _additive_logit(self, encoded: Encoded, place: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
        """All of s but phi, float32 [B], of places [B, M]."""
        bias = tf.reduce_sum(tf.where(present, tf.gather(encoded.element_bias, place), 0.0), -1)
        if self.config.additive:
            bias += self.combination_bias(self._codes(encoded, place, present))
        return self.intercept + encoded.ad_bias + bias

    @staticmethod
    def _codes(encoded: Encoded, place: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
        """Codes of combinations, int64 [B], of places [B, M]."""
        codes = tf.where(present, tf.gather(encoded.element_code, place), tf.constant(0, tf.int64))
        return encoded.ad_code + tf.reduce_sum(codes, -1)

    @staticmethod
    def places(index: Index, chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Places of chosen candidates [B, M] or [B, K, M] among the packed elements, and presence.

        Where a component is absent (-1), the place is 0 and presence is False.
        """
        start = index.start if chosen.shape.rank == 2 else index.start[:, None]
        present = chosen >= 0
        return tf.where(present, start + tf.cast(chosen, tf.int32), 0), present

    def compute_loss(self, inputs: Batch, training: bool = False) -> tf.Tensor:
        """L = L_comb + L_ele + lambda L_RL (eqs. 20, 23), summed over the batch; updates the metrics."""
        encoded = self.encode(inputs, training)
        click, weight, shown = inputs[CLICK], inputs[WEIGHT], inputs[keys.SHOWN]
        logit, weights, offset = self.score_combination(encoded, shown)
        policy_logit = self.score_elements(encoded)
        place, present = self.places(encoded.index, shown)
        log_policy = self.log_policy(encoded, policy_logit)
        losses = {
            'loss_combination': self._combination_loss(click, logit, weight),
            'loss_element': self._element_loss(encoded, policy_logit, place, present, click, weight),
            'loss_rl': self._policy_loss(inputs, tf.gather(log_policy, place), present, logit),
        }
        self._update_metrics(inputs, losses, logit, self._entropy(encoded, log_policy), weights)
        if training and self.config.additive:
            self._update_biases(inputs, place, present, logit)
            codes = self._codes(encoded, place, present)
            self._collect(inputs, offset, self.combination_bias.rows_of(codes))
        config = self.training_config
        return (
            config.combination_loss * losses['loss_combination']
            + config.element_loss * losses['loss_element']
            + config.rl_loss * losses['loss_rl']
        )

    def train_step(self, inputs: Batch) -> dict[str, tf.Tensor]:
        """One update: summed gradients for embedding rows, mean gradients for dense weights.

        Returns the mean loss and the norm of the layers' gradients; `self.metrics` hold the rest since they
        were last reset.
        """
        with tf.GradientTape() as tape:
            loss = self.compute_loss(inputs, training=True)
        sparse, dense = self.sparse_variables, self.dense_variables
        gradients = tape.gradient(loss, sparse + dense)
        scale = 1.0 / tf.reduce_sum(inputs[WEIGHT])
        means = [None if g is None else g * scale for g in gradients[len(sparse) :]]
        norm = tf.linalg.global_norm([g for g in means if g is not None])
        pairs = zip(gradients[: len(sparse)] + means, sparse + dense, strict=True)
        self.optimizer.apply_gradients([(g, v) for g, v in pairs if g is not None])
        return {'loss': loss * scale, 'gradient_norm': norm}

    def test_step(self, inputs: Batch) -> dict[str, tf.Tensor]:
        """Loss and metrics of a batch that is not trained on."""
        loss = self.compute_loss(inputs) / tf.reduce_sum(inputs[WEIGHT])
        return {metric.name: metric.result() for metric in self.metrics} | {'loss': loss}

    def _element_biases(self, batch: Batch) -> tf.Tensor:
        biases = self.element_bias(batch[keys.ELEMENTS])
        if self.layout.subwords:
            biases += self.subword_bias(batch[keys.SUBWORD_ROWS], batch[keys.SUBWORDS_PER_ELEMENT])
        return biases

    def _context_inputs(self, batch: Batch, embeddings: tf.Tensor, index: Index) -> tf.Tensor:
        """Input of the encoder: the request, and stat(S): log count and mean embedding per component."""
        means = mean_rows(embeddings, index.segment, tf.reshape(index.counts, [-1]))
        width = len(self.layout.components) * self.config.element_dim
        log_counts = tf.math.log1p(tf.cast(index.counts, tf.float32))
        return tf.concat([*self._request_inputs(batch), log_counts, tf.reshape(means, [-1, width])], 1)

    def _request_inputs(self, batch: Batch) -> list[tf.Tensor]:
        """Embedded ids, numbers, and mean embeddings of terms, each float32 [B, any]."""
        dim = self.config.element_dim
        ids = tf.gather(self.context_embedding, batch[keys.CONTEXT_IDS])
        parts = [tf.reshape(ids, [-1, len(self.layout.ids) * dim])]
        if self.layout.numbers:
            parts.append(batch[keys.NUMBERS])
        if self.layout.terms:
            terms = tf.gather(self.context_embedding, batch[keys.TERMS])
            lengths = tf.reshape(batch[keys.TERM_COUNTS], [-1])
            means = mean_rows(terms, segments_of(lengths), lengths)
            parts.append(tf.reshape(means, [-1, len(self.layout.terms) * dim]))
        return parts

    def _ad_rows(self, batch: Batch) -> tf.Tensor:
        return batch[keys.CONTEXT_IDS][:, self._ad_axis] - self._ad_offset

    def _combination_loss(self, click, logit, weight) -> tf.Tensor:
        return self.combination_task(
            labels=click[:, None], predictions=logit[:, None], sample_weight=weight, compute_metrics=False
        )

    def _element_loss(self, encoded, policy_logit, place, present, click, weight) -> tf.Tensor:
        base = self.intercept + encoded.ad_bias[:, None]
        logit = tf.gather(policy_logit, place) + base
        labels = tf.repeat(click[:, None], len(self.layout.components), 1)
        return cross_entropy(labels, logit, tf.where(present, weight[:, None], 0.0))

    def _policy_loss(self, inputs, log_probability, present, logit) -> tf.Tensor:
        config, click = self.training_config, inputs[CLICK]
        weight = inputs[WEIGHT][:, None]
        if config.max_importance_weight:
            weight *= clipped_importance_weight(
                log_probability, inputs[keys.PROPENSITY], config.max_importance_weight
            )
        if config.reward == 'advantage':
            reward = click - tf.sigmoid(logit)
        else:
            reward = tf.where(click > 0, config.click_reward, config.no_click_reward)
        return policy_gradient(log_probability, reward, weight, present)

    def _update_biases(self, inputs, place, present, logit) -> None:
        predicted, weight = tf.sigmoid(logit), inputs[WEIGHT]
        residual = weight * (predicted - inputs[CLICK])
        information = weight * predicted * (1.0 - predicted)
        ad = tf.where(present)[:, 0]
        rows = tf.gather(inputs[keys.ELEMENTS], tf.boolean_mask(place, present))
        self.element_bias.update(rows, tf.gather(residual, ad), tf.gather(information, ad))
        self.ad_bias.update(self._ad_rows(inputs), residual, information)

    def _collect(self, inputs: Batch, offset: tf.Tensor, combination: tf.Tensor) -> None:
        subwords = [
            inputs[key] for key in (keys.SUBWORD_ROWS, keys.SUBWORDS_PER_ELEMENT) if self.layout.subwords
        ]
        logged = [inputs[key] for key in (CLICK, WEIGHT, keys.OWN, keys.SHOWN, keys.COUNTS, keys.ELEMENTS)]
        shown = [self._ad_rows(inputs), combination, offset]
        tf.numpy_function(self.evidence.add, [*shown, *logged, *subwords], [])

    def adopt(self, effects: Effects) -> None:
        """Takes over fitted effects in place of those learned on the way."""
        self.intercept.assign(effects.intercept)
        self.ad_bias.adopt(effects.ad, effects.ad_precision)
        self.element_bias.adopt(effects.element, effects.element_precision)
        if self.layout.subwords:
            self.subword_bias.mean.assign(effects.subword)
        self.combination_bias.mean.assign(effects.combination)

    def _entropy(self, encoded: Encoded, log_policy: tf.Tensor) -> tf.Tensor:
        """Entropy of pi_theta per component, float32 [B, M]."""
        index = encoded.index
        terms = tf.exp(log_policy) * log_policy
        return -tf.reshape(
            tf.math.unsorted_segment_sum(terms, index.segment, tf.size(index.start)), tf.shape(index.start)
        )

    def _update_metrics(self, inputs, losses, logit, entropy, weights) -> None:
        click, weight, shown = inputs[CLICK], inputs[WEIGHT], inputs[keys.SHOWN]
        total = tf.reduce_sum(weight)
        self.auc.update_state(click, logit, weight)
        sums = [*losses.values(), tf.reduce_sum(weight * click), tf.reduce_sum(weight * tf.sigmoid(logit))]
        present = tf.where(shown >= 0, weight[:, None], 0.0)
        per_component = tf.reduce_sum(present, 0)
        component_sums = [tf.reduce_sum(present * values, 0) for values in (entropy, weights)]
        over = tf.concat([tf.repeat(total, len(sums)), per_component, per_component], 0)
        means = tf.math.divide_no_nan(tf.concat([tf.stack(sums), *component_sums], 0), over)
        self.means.update_state(means, over)


def _table(rows: int, dim: int, name: str) -> tf.Variable:
    start = tf.random.normal([rows, dim], stddev=0.05)
    return tf.Variable(start, name=name)
