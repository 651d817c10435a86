"""Training of a GenCO model on transformed logs."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import tensorflow as tf

from creative_logs.errors import InputError
from creative_logs.schema import CLICK, WEIGHT
from model.config import GencoConfig
from model.features.feature_tables import Layout
from model.network.genco import GenCO
from model.training.map_effects import Priors, fit_effects
from model.training.trainer import GencoTrainer

_BATCHES_FOR_INTERCEPT = 50


def train(
    layout: Layout,
    config: GencoConfig,
    data: tf.data.Dataset,
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
) -> GenCO:
    """Builds and trains a network on packed batches in the order of time.

    Raises:
        InputError: the logs hold no click or only clicks, or the training has diverged.
    """
    tf.keras.utils.set_random_seed(config.training.seed)
    network = GenCO(layout, config.model, config.training)
    network.intercept.assign(first_logit(data))
    trainer = GencoTrainer(network, config.training)
    trainer.compile()
    first = [StopWhereNotFinite()] + ([FitEffects()] if config.model.additive else [])
    trainer.fit(data, epochs=config.training.epochs, verbose=0, callbacks=[*first, *callbacks])
    return network


def first_logit(data: tf.data.Dataset) -> float:
    """Logit of the CTR of the first batches: where the predicted CTR starts from.

    Raises:
        InputError: without a click, or without an impression that was not clicked, nothing can be learned.
    """
    clicks = impressions = 0.0
    for batch in islice(data, _BATCHES_FOR_INTERCEPT):
        clicks += float(tf.reduce_sum(batch[CLICK] * batch[WEIGHT]))
        impressions += float(tf.reduce_sum(batch[WEIGHT]))
    if not 0 < clicks < impressions:
        raise InputError(
            f'column {CLICK!r}: the first {impressions:,.0f} impressions hold {clicks:,.0f} clicks; '
            'training needs both values'
        )
    return float(np.log(clicks / (impressions - clicks)))


class StopWhereNotFinite(tf.keras.callbacks.Callback):
    """Ends a training that has diverged, with what to do.

    The loss may stay finite for a while: TensorFlow's fused layers take relu(NaN) for 0.
    """

    def on_train_batch_end(self, batch, logs=None):
        loss, norm = logs['loss'], logs['gradient_norm']
        if not np.isfinite([loss, norm]).all():
            config = self.model.training_config
            raise InputError(
                f'training diverged: in batch {batch} the loss is {loss}, the norm of its gradient {norm}; '
                f'lower training.dense_learning_rate (now {config.dense_learning_rate}) or '
                f'training.sparse_learning_rate (now {config.sparse_learning_rate}), or use the '
                f'preset tuned (reward is {config.reward!r})'
            )


class FitEffects(tf.keras.callbacks.Callback):
    """At the end of training, fits the additive effects to all the evidence of the last epoch at once.

    Learned on the way, batch by batch, they disregard how ads, elements and subwords share the credit.
    They serve the rest of the model while it trains: what an honest forecast leaves to be explained.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self.model.evidence.clear()

    def on_train_end(self, logs=None):
        trainer, network = self.model, self.model.network
        config = trainer.training_config
        priors = Priors(
            ad=config.ad_prior_std,
            element=config.element_prior_std,
            subword=config.subword_prior_std,
            combination=config.combination_prior_std,
            preference=config.preference_prior_std,
        )
        ads = network.layout.ids[network.layout.ad]
        combinations = network.config.combination_rows
        intercept = float(network.intercept)
        trainer.adopt(fit_effects(trainer.evidence, intercept, ads, combinations, priors))
        trainer.evidence.clear()
