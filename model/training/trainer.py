"""Trains the network: losses, metrics, updates of the weights, and the record of what was shown."""

import tensorflow as tf
import tensorflow_recommenders as tfrs

from creative_logs.schema import CLICK, WEIGHT
from model.config import TrainingConfig
from model.features import packed_batch as keys
from model.features.packed_batch import Batch
from model.network.genco import Combined, Encoded, GenCO
from model.network.layers.fitted_effects import FittedEffects
from model.training.drawn_combinations import drawn_policy_gradient
from model.training.losses import clipped_importance_weight, cross_entropy, policy_gradient
from model.training.map_effects import Effects
from model.training.optimizers import create_optimizer
from model.training.training_impressions import TrainingImpressions

_MEANS = ('loss_combination', 'loss_element', 'loss_rl', 'click_rate', 'predicted_ctr')
_MEANS_PER_COMPONENT = ('entropy', 'attention_weight')


class GencoTrainer(tfrs.Model):
    """Trains a `GenCO` network on packed batches with L = L_comb + L_ele + lambda L_RL.

    Args:
        network: The network.
        training: Losses and optimizers.

    Attributes:
        evidence: The impressions of the current epoch, to which the effects are fitted at the end; None for a
            network without effects.

    Example:
        trainer = GencoTrainer(GenCO(tables, ModelConfig(), training), training)
        trainer.compile()
        trainer.fit(dataset_of_packed_batches)

    Reference: GenCO, eqs. 11, 12 and 20 to 23.
    """

    def __init__(self, network: GenCO, training: TrainingConfig, **kwargs):
        super().__init__(**kwargs)
        self.network, self.training_config = network, training
        self.evidence = (
            TrainingImpressions(network.tables, training.evidence_impressions) if network.effects else None
        )
        loss = tf.keras.losses.BinaryCrossentropy(from_logits=True, reduction='sum')
        self.combination_task = tfrs.tasks.Ranking(loss=loss)
        self._random = tf.random.Generator.from_seed(training.seed)
        self.auc = tf.keras.metrics.AUC(name='auc', from_logits=True)
        names = list(network.tables.components)
        self._mean_names = [*_MEANS, *(f'{group}/{name}' for group in _MEANS_PER_COMPONENT for name in names)]
        self.means = tf.keras.metrics.MeanTensor(name='means', shape=[len(self._mean_names)])

    def compile(self, **kwargs) -> None:
        """Compiles with the optimizers of the training configuration."""
        optimizer = create_optimizer(self.sparse_variables, self.dense_variables, self.training_config)
        super().compile(optimizer=optimizer, **kwargs)

    def create_variables(self, inputs: Batch) -> None:
        """Creates all weights, and the state of the optimizers, before the training.

        TensorFlow traces a graph twice, which takes many seconds, if its first run creates variables.

        Args:
            inputs: Any packed batch with labels; nothing is learned from it.
        """
        self.compute_loss(inputs)
        self.reset_metrics()
        if not self.network.config.phi:
            return
        nothing = [
            (tf.IndexedSlices(table[:0], tf.zeros([0], tf.int32), tf.shape(table)), table)
            for table in self.sparse_variables()
        ]
        nothing += [(tf.zeros_like(weight), weight) for weight in self.dense_variables()]
        self.optimizer.apply_gradients(nothing)
        for optimizer in self.optimizer.optimizers:
            optimizer.iterations.assign(0)

    def sparse_variables(self) -> list[tf.Variable]:
        """The embedding tables: they have summed gradients and an optimizer of their own."""
        return self.network.embeddings

    def dense_variables(self) -> list[tf.Variable]:
        """All other trainable weights: they have mean gradients."""
        sparse = {id(variable) for variable in self.sparse_variables()}
        return [variable for variable in self.network.trainable_variables if id(variable) not in sparse]

    def figures(self) -> dict[str, float]:
        """Means over the batches since the metrics were last reset.

        Returns:
            The loss terms, click rate, predicted CTR and AUC; entropy of pi and attention weight for each
            component.
        """
        means = dict(zip(self._mean_names, self.means.result().numpy().tolist(), strict=True))
        return means | {'auc': float(self.auc.result())}

    def compute_loss(self, inputs: Batch, training: bool = False) -> tf.Tensor:
        """L = L_comb + L_ele + lambda L_RL (eqs. 20, 23), summed over the batch; updates the metrics."""
        network = self.network
        encoded = network.encode(inputs, training)
        combined = network.score_combination(encoded, inputs[keys.SHOWN])
        policy_logit = network.score_elements(encoded, training)
        place, present = network.places(encoded.index, inputs[keys.SHOWN])
        log_policy = network.log_policy(encoded, policy_logit)
        losses = {
            'loss_combination': self._combination_loss(inputs, combined.logit),
            'loss_element': self._element_loss(inputs, encoded, tf.gather(policy_logit, place), present),
            'loss_rl': self._shown_policy_loss(inputs, tf.gather(log_policy, place), present, combined.logit)
            + self._drawn_policy_loss(inputs, encoded, log_policy),
        }
        entropy = network.policy_entropy(encoded, log_policy)
        self._update_metrics(inputs, losses, combined.logit, entropy, combined.weights)
        if training and network.effects:
            self._update_effects(inputs, place, present, combined.logit)
            self._collect(inputs, combined)
        config = self.training_config
        return (
            config.combination_loss * losses['loss_combination']
            + config.element_loss * losses['loss_element']
            + config.rl_loss * losses['loss_rl']
        )

    def train_step(self, inputs: Batch) -> dict[str, tf.Tensor]:
        """One update: summed gradients for embedding rows, mean gradients for dense weights.

        A network without phi has no gradients, only effects.

        Returns:
            The mean loss, and the norm of the gradients of the layers. `self.metrics` hold the rest since
            they were last reset.
        """
        total = tf.reduce_sum(inputs[WEIGHT])
        if not self.network.config.phi:
            self.optimizer.iterations.assign_add(1)
            return {'loss': self.compute_loss(inputs, training=True) / total, 'gradient_norm': 0.0}
        with tf.GradientTape() as tape:
            loss = self.compute_loss(inputs, training=True)
        sparse, dense = self.sparse_variables(), self.dense_variables()
        gradients = tape.gradient(loss, sparse + dense)
        scale = 1.0 / total
        means = [None if g is None else g * scale for g in gradients[len(sparse) :]]
        norm = tf.linalg.global_norm([g for g in means if g is not None])
        pairs = zip(gradients[: len(sparse)] + means, sparse + dense, strict=True)
        self.optimizer.apply_gradients([(g, v) for g, v in pairs if g is not None])
        return {'loss': loss * scale, 'gradient_norm': norm}

    def test_step(self, inputs: Batch) -> dict[str, tf.Tensor]:
        """Loss and metrics of a batch that is not trained on."""
        loss = self.compute_loss(inputs) / tf.reduce_sum(inputs[WEIGHT])
        return {metric.name: metric.result() for metric in self.metrics} | {'loss': loss}

    def adopt(self, fitted: Effects) -> None:
        """Replaces the effects that were learned batch by batch by fitted ones."""
        effects = self._effects
        self.network.intercept.assign(fitted.intercept)
        effects.ad_bias.adopt(fitted.ad, fitted.ad_precision)
        effects.element_bias.adopt(fitted.element, fitted.element_precision)
        if effects.subword_bias is not None:
            effects.subword_bias.mean.assign(fitted.subword)
        effects.combination_bias.mean.assign(fitted.combination)
        if effects.importance is not None:
            effects.importance.adopt(fitted.importance.level, fitted.importance.deviations)
        products = fitted.interactions
        effects.interactions.adopt(fitted.factors, products.context, products.synergy)
        if effects.content is not None:
            effects.content.adopt(fitted.content)

    @property
    def _effects(self) -> FittedEffects:
        assert self.network.effects is not None, 'the network has no additive effects'
        return self.network.effects

    def _combination_loss(self, inputs: Batch, logit: tf.Tensor) -> tf.Tensor:
        """L_comb (eq. 11)."""
        return self.combination_task(
            labels=inputs[CLICK][:, None],
            predictions=logit[:, None],
            sample_weight=inputs[WEIGHT],
            compute_metrics=False,
        )

    def _element_loss(
        self, inputs: Batch, encoded: Encoded, shown_logit: tf.Tensor, present: tf.Tensor
    ) -> tf.Tensor:
        """L_ele (eq. 12)."""
        base = self.network.intercept + encoded.effects.ad_bias[:, None]
        labels = tf.repeat(inputs[CLICK][:, None], len(self.network.tables.components), 1)
        weight = tf.where(present, inputs[WEIGHT][:, None], 0.0)
        return cross_entropy(labels, shown_logit + base, weight)

    def _shown_policy_loss(
        self, inputs: Batch, log_probability: tf.Tensor, present: tf.Tensor, logit: tf.Tensor
    ) -> tf.Tensor:
        """The part of L_RL with the observed rewards of shown combinations (eqs. 21, 22)."""
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

    def _drawn_policy_loss(self, inputs: Batch, encoded: Encoded, log_policy: tf.Tensor) -> tf.Tensor:
        """The part of L_RL with the predicted rewards of drawn combinations (eqs. 21, 22).

        A reward of the kind `paper` is linear in the click, so the predicted one is linear in the predicted CTR.
        """
        config, counts = self.training_config, inputs[keys.COUNTS]
        if not config.policy_samples:
            return tf.constant(0.0)
        shape = [tf.shape(counts)[0], counts.shape[1], config.policy_samples]
        noise = tf.ensure_shape(1.0 - self._random.uniform(shape), [None, *shape[1:]])
        slope = config.click_reward - config.no_click_reward if config.reward == 'paper' else 1.0
        return drawn_policy_gradient(self.network, encoded, log_policy, noise, slope * inputs[WEIGHT])

    def _update_effects(self, inputs: Batch, place: tf.Tensor, present: tf.Tensor, logit: tf.Tensor) -> None:
        predicted, weight = tf.sigmoid(logit), inputs[WEIGHT]
        self._effects.update(
            self.network.ad_rows(inputs),
            tf.gather(inputs[keys.ELEMENTS], tf.boolean_mask(place, present)),
            tf.where(present)[:, 0],
            residual=weight * (predicted - inputs[CLICK]),
            information=weight * predicted * (1.0 - predicted),
        )

    def _collect(self, inputs: Batch, combined: Combined) -> None:
        """Keeps the impressions of a batch for the fit of the effects."""
        content = [
            inputs.get(key, tf.zeros([0], tf.int64))
            for key in (keys.SUBWORD_ROWS, keys.SUBWORDS_PER_ELEMENT, keys.ELEMENT_KEYS)
        ]
        logged = [
            inputs[key]
            for key in (CLICK, WEIGHT, keys.CHOSEN_BY_GENCO, keys.SHOWN, keys.COUNTS, keys.ELEMENTS)
        ]
        combination = self._effects.combination_bias.rows_of(combined.codes)
        shown = [self.network.ad_rows(inputs), combination, combined.offset]
        categories = self._effects.interactions.cells.categories(inputs[keys.CONTEXT_IDS])
        assert self.evidence is not None
        tf.numpy_function(self.evidence.add, [*shown, *logged, *content, categories], [])

    def _update_metrics(
        self,
        inputs: Batch,
        losses: dict[str, tf.Tensor],
        logit: tf.Tensor,
        entropy: tf.Tensor,
        attention: tf.Tensor,
    ) -> None:
        click, weight, shown = inputs[CLICK], inputs[WEIGHT], inputs[keys.SHOWN]
        total = tf.reduce_sum(weight)
        self.auc.update_state(click, logit, weight)
        sums = [*losses.values(), tf.reduce_sum(weight * click), tf.reduce_sum(weight * tf.sigmoid(logit))]
        present = tf.where(shown >= 0, weight[:, None], 0.0)
        per_component = tf.reduce_sum(present, 0)
        component_sums = [tf.reduce_sum(present * values, 0) for values in (entropy, attention)]
        over = tf.concat([tf.repeat(total, len(sums)), per_component, per_component], 0)
        means = tf.math.divide_no_nan(tf.concat([tf.stack(sums), *component_sums], 0), over)
        self.means.update_state(means, over)
