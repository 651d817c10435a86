"""The fitted part of the scores: effects of ads, elements, their content, tastes, synergies and combinations."""

from typing import NamedTuple

import tensorflow as tf

from model.config import ModelConfig, TrainingConfig
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch, Index
from model.network.layers.combination_bias import CombinationBias
from model.network.layers.component_importance import ComponentImportance
from model.network.layers.content_effects import ContentEffects
from model.network.layers.interaction_effects import InteractionEffects
from model.network.layers.shrunk_bias import ShrunkBias
from model.network.layers.subword_bias import SubwordBias

CONTENT = 'content_'  # The names of the tables of content start with it.


class BatchEffects(NamedTuple):
    """The effects of a batch of B ads with T elements.

    Attributes:
        element_bias: The effect of each element on the user of its ad, a logit, float32 [T].
        element_std: The posterior standard deviation of the element's own effect, in logits and times the
            importance of its component, float32 [T]: the prior's for an element without data. It is that of
            Laplace's approximation given all other effects, so it leaves out the correlations with them, and the
            uncertainty of content, subwords, tastes and synergies.
        ad_bias: The effect of each ad, a logit, float32 [B].
        element_code: int64 [T]; added to the code of the ad, the codes of the elements of a combination give
            the code of the combination.
        ad_code: int64 [B].
        synergy: The factors of synergy of each element, placed by its component, float32 [T, M D].
        log_importance: The logarithm of the importance of the component of each element, float32 [T].
    """

    element_bias: tf.Tensor
    element_std: tf.Tensor
    ad_bias: tf.Tensor
    element_code: tf.Tensor
    ad_code: tf.Tensor
    synergy: tf.Tensor
    log_importance: tf.Tensor

    @classmethod
    def zero(cls, elements: tf.Tensor, ads: tf.Tensor) -> 'BatchEffects':
        """No effect at all, for rows of elements int64 [T] and rows of ads int64 [B]."""
        of_elements, of_ads = tf.zeros_like(elements, tf.float32), tf.zeros_like(ads, tf.float32)
        synergy = tf.zeros([tf.size(elements), 0])
        codes = tf.zeros_like(elements), tf.zeros_like(ads)
        return cls(of_elements, of_elements, of_ads, *codes, synergy, log_importance=of_elements)


class FittedEffects(tf.keras.layers.Layer):
    """Effects, in logits, that add up to the part of a score that phi does not explain.

    They have no gradient. While the model trains, `element_bias` and `ad_bias` move by Newton steps
    (`update`); at the end of the training all of them are fitted to all impressions at once
    (`model.training.map_effects`, `model.training.interactions`).

    Args:
        tables: The tables of the features.
        config: The number of rows of the table of whole combinations, and of factors of tastes and synergies.
        training: The prior standard deviations.

    Attributes:
        element_bias, ad_bias: `ShrunkBias` with one bias per row of the table.
        subword_bias: `SubwordBias`, or None where no component has texts in the logs.
        content: `ContentEffects`, or None where the catalogue describes no component.
        combination_bias: `CombinationBias`.
        interactions: `InteractionEffects`.
        importance: `ComponentImportance`, or None where all components count the same.
    """

    def __init__(self, tables: FeatureTables, config: ModelConfig, training: TrainingConfig, **kwargs):
        super().__init__(**kwargs)
        self.element_bias = ShrunkBias(tables.element_rows, training.element_prior_std, name='element_bias')
        self.ad_bias = ShrunkBias(tables.ids[tables.ad], training.ad_prior_std, name='ad_bias')
        subwords = sum(tables.subwords.values())
        self.subword_bias = SubwordBias(subwords, name='subword_bias') if tables.subwords else None
        self.interactions = InteractionEffects(
            tables, config.taste_dim, config.synergy_dim, name='interactions'
        )
        self.importance = ComponentImportance(tables, name='importance') if config.importance else None
        columns = 1 + self.interactions.dimensions
        self.content = ContentEffects(tables.content, columns, name='content') if tables.content else None
        self.combination_bias = CombinationBias(
            config.combination_rows, len(tables.components), name='combination_bias'
        )

    @property
    def tables(self) -> dict[str, tf.Variable]:
        """The variables with one row per id that a score reads, by name."""
        layers = (self.element_bias, self.ad_bias, self.combination_bias, self.subword_bias)
        means = {layer.name: layer.mean for layer in layers if layer is not None}
        content = self.content.tables if self.content is not None else {}
        named = {f'{CONTENT}{name}': table for name, table in content.items()}
        own = {'factors': self.interactions.factors, 'element_precision': self.element_bias.precision}
        return means | own | named

    def of_batch(self, batch: Batch, index: Index, ads: tf.Tensor) -> BatchEffects:
        """The effects of a batch.

        Args:
            batch: A packed batch.
            index: The index of the batch.
            ads: The row of each ad, int64 [B].
        """
        elements = batch[keys.ELEMENTS]
        biases = self.element_bias(elements)
        if self.subword_bias is not None:
            biases += self.subword_bias(batch[keys.SUBWORD_ROWS], batch[keys.SUBWORDS_PER_ELEMENT])
        products = self.interactions
        factors = tf.gather(products.factors, elements)
        if self.content is not None:
            content = self.content(batch[keys.ELEMENT_KEYS], batch.get(keys.CONTENT))
            biases += content[:, 0]
            factors += content[:, 1:]
        if products.taste_dim:
            biases += products.taste(batch[keys.CONTEXT_IDS], factors, index.ad)
        stds, log_importance = self.element_bias.std(elements), tf.zeros_like(biases)
        if self.importance is not None:
            of_components = tf.reshape(self.importance(batch[keys.CONTEXT_IDS]), [-1])
            log_importance = tf.gather(of_components, index.segment)
            scale = tf.exp(log_importance)
            biases, stds = scale * biases, scale * stds
        codes = self.combination_bias
        return BatchEffects(
            biases,
            stds,
            self.ad_bias(ads),
            codes.element_codes(elements, index.component),
            codes.ad_codes(ads),
            products.placed(factors, index.component),
            log_importance,
        )

    def update(
        self, ads: tf.Tensor, elements: tf.Tensor, row: tf.Tensor, residual: tf.Tensor, information: tf.Tensor
    ) -> None:
        """Moves the effects of the ads and of the shown elements of a batch by one Newton step.

        Args:
            ads: The row of each ad, int64 [B].
            elements: The rows of all shown elements, int64 [S].
            row: The place in the batch of the impression of each shown element, int64 [S].
            residual: weight x (predicted CTR - click) of each impression, float32 [B].
            information: weight x p (1 - p) of each impression, float32 [B].
        """
        self.element_bias.update(elements, tf.gather(residual, row), tf.gather(information, row))
        self.ad_bias.update(ads, residual, information)
