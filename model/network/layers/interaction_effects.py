"""Products of fitted factors: tastes of users for elements, and synergies between elements."""

import numpy as np
import tensorflow as tf

from model.features.context_cells import ContextCells
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Index
from model.features.packed_ops import log_softmax
from model.ops.segment_ops import spread_rows, sum_rows

_MEAN_FIELD_ROUNDS = 3
_MEAN_FIELD_TEMPERATURE = 0.03  # in logits


class InteractionEffects(tf.keras.layers.Layer):
    """The effects, in logits and without gradient, of products of factors.

    An element e has H factors z_e of taste and D factors y_e of synergy. Beyond their own effects, the elements of a
    combination c shown to a user with the factors u add

        sum over e in c of <u, z_e>  +  sum over pairs e, f in c of y_e' Q y_f

    to the logit of a click (factorisation machines, Rendle 2010; with a matrix for each pair of components as in
    Sun et al. 2021). All factors are zero until `adopt`. They are fitted by variational Bayes
    (`model.training.interactions`).

    Args:
        tables: The tables of the features.
        taste_dim: H; 0 if the context has no category features.
        synergy_dim: D; 0 if there is only one component.

    Attributes:
        factors: z and y that each element has of its own, float32 [rows, H + D].
        context: The factors of the cells of the context, float32 [cells, H].
    """

    def __init__(self, tables: FeatureTables, taste_dim: int, synergy_dim: int, **kwargs):
        super().__init__(**kwargs)
        self.cells = ContextCells(tables)
        self.components = len(tables.components)
        self.taste_dim = taste_dim if self.cells.tables else 0
        self.synergy_dim = synergy_dim if self.components > 1 else 0
        self.dimensions = self.taste_dim + self.synergy_dim
        self.factors = self._table('factors', [tables.element_rows, self.dimensions])
        self.context = self._table('context', [self.cells.size, self.taste_dim])
        width = self.components * self.synergy_dim
        self._matrix = self._table('synergy', [width, width])

    def taste(self, context_ids: tf.Tensor, factors: tf.Tensor, ad: tf.Tensor) -> tf.Tensor:
        """The taste of the user of each ad for its elements, float32 [T].

        Args:
            context_ids: The rows of the ids of the context, int64 [B, any].
            factors: The factors of the elements, float32 [T, H + D].
            ad: The ad of each element, int32 [T].
        """
        cells = self.cells.of(self.cells.categories(context_ids))
        user = tf.reduce_sum(tf.gather(self.context, cells), 1)
        return tf.reduce_sum(tf.gather(user, ad) * factors[:, : self.taste_dim], 1)

    def placed(self, factors: tf.Tensor, component: tf.Tensor) -> tf.Tensor:
        """The factors of synergy at the place of the component, float32 [T, M D], zero elsewhere.

        The sum of these rows over the elements of a combination is the argument of `synergy`.

        Args:
            factors: The factors of the elements, float32 [T, H + D].
            component: The component of each element, int32 [T].
        """
        place = tf.one_hot(component, self.components)[:, :, None] * factors[:, None, self.taste_dim :]
        return tf.reshape(place, [tf.size(component), self.components * self.synergy_dim])

    def synergy(self, placed: tf.Tensor) -> tf.Tensor:
        """The synergy of the elements of combinations, float32 [...], given their placed factors, [..., M D]."""
        return tf.reduce_sum(tf.matmul(placed, self._matrix) * placed, -1)

    def expected_synergy(self, scores: tf.Tensor, placed: tf.Tensor, index: Index) -> tf.Tensor:
        """The synergy of each element with the elements that are likely to be shown beside it, float32 [T].

        The others are drawn independently with probabilities proportional to exp(score / 0.03), where the scores
        include their own expected synergy: the mean field of the distribution of combinations with the probabilities
        exp(logit / 0.03). It is found by a fixed number of iterations.

        Args:
            scores: The scores of the elements without synergy, float32 [T].
            placed: The placed factors of the elements, float32 [T, M D].
            index: The places of the elements.
        """
        both = self._matrix + tf.transpose(self._matrix)
        found = tf.zeros_like(scores)
        for _ in range(_MEAN_FIELD_ROUNDS):
            share = log_softmax(
                (scores + found) / _MEAN_FIELD_TEMPERATURE, index.segment, tf.size(index.start)
            )
            mean = sum_rows(tf.exp(share)[:, None] * placed, index.ad, tf.shape(index.start)[0])
            found = tf.reduce_sum(placed * spread_rows(tf.matmul(mean, both), index.ad), 1)
        return found

    def adopt(self, factors: np.ndarray, context: np.ndarray, synergy: np.ndarray) -> None:
        """Replaces all factors, and Q as a matrix [M D, M D] whose blocks above the diagonal are Q_jl."""
        self.factors.assign(factors)
        self.context.assign(context)
        self._matrix.assign(synergy)

    def _table(self, name: str, shape: list[int]) -> tf.Variable:
        return self.add_weight(name, shape, tf.float32, 'zeros', trainable=False)
