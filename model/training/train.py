"""Trains a GenCO model on transformed logs."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import tensorflow as tf

from creative_logs.errors import InputError
from creative_logs.schema import CLICK, WEIGHT
from model.config import GencoConfig
from model.content.element_contents import Catalogue
from model.features.feature_tables import FeatureTables
from model.network.genco import GenCO
from model.training.interactions.fit import InteractionPriors
from model.training.map_effects import Priors, fit_effects
from model.training.trainer import GencoTrainer

_BATCHES_FOR_INTERCEPT = 50


def train(
    tables: FeatureTables,
    config: GencoConfig,
    data: tf.data.Dataset,
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
    catalogue: Catalogue | None = None,
) -> GenCO:
    """Builds and trains a network on packed batches in chronological order.

    Args:
        tables: The tables of the features.
        config: The network and its training.
        data: Packed batches with labels.
        callbacks: Further callbacks of the training.
        catalogue: The content of the elements; needed where the log schema has components with content.

    Raises:
        InputError: The logs hold no click or only clicks, or the training has diverged.
    """
    tf.keras.utils.set_random_seed(config.training.seed)
    network = GenCO(tables, config.model, config.training)
    network.intercept.assign(first_logit(data))
    trainer = GencoTrainer(network, config.training)
    trainer.compile()
    trainer.create_variables(next(iter(data)))
    first = [StopWhereNotFinite()] + ([FitEffects(catalogue)] if config.model.additive else [])
    trainer.fit(data, epochs=config.training.epochs, verbose=0, callbacks=[*first, *callbacks])
    return network


def first_logit(data: tf.data.Dataset) -> float:
    """Returns the logit of the CTR of the first batches, from which the predicted CTR starts.

    Raises:
        InputError: The first batches hold no click or only clicks, from which nothing can be learned.
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
    """Stops a training that has diverged, with an error that suggests what to change.

    The loss may stay finite for a while: in TensorFlow's fused layers relu(NaN) is 0.
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
    """Fits the additive effects to all impressions of the last epoch at once at the end of training.

    The effects learned batch by batch during training ignore how ads, elements and subwords share the credit
    for clicks. They are needed meanwhile so that the rest of the model learns what they leave unexplained.

    Args:
        catalogue: The content of the elements, or None.
    """

    def __init__(self, catalogue: Catalogue | None = None):
        super().__init__()
        self._catalogue = catalogue

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
            importance=network.config.importance,
            interactions=InteractionPriors(
                network.config.taste_dim, network.config.synergy_dim, config.synergy_prior_std
            ),
        )
        ads = network.tables.ids[network.tables.ad]
        combinations = network.config.combination_rows
        intercept = float(network.intercept)
        fitted = fit_effects(trainer.evidence, intercept, ads, combinations, priors, self._catalogue)
        trainer.adopt(fitted)
        if self._catalogue is not None:
            network.effects.content.list_catalogue(self._catalogue)
        trainer.evidence.clear()
