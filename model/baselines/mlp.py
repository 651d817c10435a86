"""A plain network that predicts the CTR of a combination from embeddings of its ids."""

from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from creative_logs.schema import CLICK, WEIGHT
from model.baselines.search import best_combinations
from model.baselines.shown_elements import element_rows
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch

_DIM = 8
_UNITS = (64, 32)
_EMBEDDING_RATE, _DENSE_RATE = 0.2, 1e-3
_EMBEDDING_STD = 0.05


class MultiLayerPerceptron:
    """logit = logit of the average CTR + MLP(context embeddings, numbers, mean embeddings of terms,
    one embedding per component).

    Training is one pass over the batches with the logistic loss. The layers use the mean over a batch (Adam)
    and the embeddings the sum (Adagrad), so that the update of a row grows with its number of impressions.

    Args:
        tables: The feature tables of the batches.
        seed: The random seed of the initial weights.
    """

    def __init__(self, tables: FeatureTables, seed: int = 1):
        self._tables = tables
        start = tf.random.Generator.from_seed(seed)
        rows = tables.context_rows, tables.element_rows
        self._embeddings = [tf.Variable(start.normal([n, _DIM], stddev=_EMBEDDING_STD)) for n in rows]
        first = [tf.keras.initializers.GlorotUniform(seed + i) for i in range(len(_UNITS))]
        layers = [
            tf.keras.layers.Dense(units, 'relu', kernel_initializer=weights)
            for units, weights in zip(_UNITS, first, strict=True)
        ]
        self._network = tf.keras.Sequential([*layers, tf.keras.layers.Dense(1, kernel_initializer='zeros')])
        self._intercept = tf.Variable(0.0, trainable=False)
        self._predict = tf.function(self._logits, reduce_retracing=True)
        self._step = tf.function(self._learn, reduce_retracing=True)
        self._embedding_optimizer = tf.keras.optimizers.legacy.Adagrad(_EMBEDDING_RATE)
        self._dense_optimizer = tf.keras.optimizers.legacy.Adam(_DENSE_RATE)

    def fit(self, data: Iterable[Batch]) -> None:
        sums = [(np.dot(batch[CLICK], batch[WEIGHT]), np.sum(batch[WEIGHT])) for batch in data]
        clicks, impressions = np.sum(sums, 0)
        self._intercept.assign(np.log(clicks / (impressions - clicks)))
        for inputs, rows, click, weight in self._examples(data):
            self._step(inputs, rows, click, weight)

    def score_combinations(self, batch: Batch, combinations: np.ndarray) -> np.ndarray:
        return self._predict(self._inputs(batch), tf.constant(element_rows(batch, combinations))).numpy()

    def choose(self, batch: Batch) -> np.ndarray:
        """Returns the best combination (see `model.baselines.search.best_combinations`)."""
        return best_combinations(self, batch)

    def _examples(self, data: Iterable[Batch]) -> Iterator[tuple]:
        for batch in data:
            shown = element_rows(batch, np.asarray(batch[keys.SHOWN])[:, None])
            yield self._inputs(batch), tf.constant(shown), batch[CLICK], batch[WEIGHT]

    def _inputs(self, batch: Batch) -> Batch:
        names = (keys.CONTEXT_IDS, keys.NUMBERS, keys.TERMS, keys.TERM_COUNTS)
        return {name: tf.convert_to_tensor(batch[name]) for name in names if name in batch}

    def _logits(self, inputs: Batch, rows: tf.Tensor) -> tf.Tensor:
        """Returns the logits, float32 [B, K], of combinations given by element rows, int64 [B, K, M]."""
        context, elements = self._embeddings
        parts = [tf.reshape(tf.gather(context, inputs[keys.CONTEXT_IDS]), [-1, len(self._tables.ids) * _DIM])]
        if keys.NUMBERS in inputs:
            parts.append(inputs[keys.NUMBERS])
        if keys.TERMS in inputs:
            parts.append(self._means_of_terms(inputs))
        of_ad = tf.repeat(tf.concat(parts, 1)[:, None], tf.shape(rows)[1], 1)
        present = tf.cast(rows >= 0, tf.float32)[..., None]
        chosen = tf.gather(elements, tf.maximum(rows, 0)) * present
        width = len(self._tables.components) * _DIM
        chosen = tf.reshape(chosen, [tf.shape(rows)[0], tf.shape(rows)[1], width])
        return self._intercept + self._network(tf.concat([of_ad, chosen], 2))[..., 0]

    def _means_of_terms(self, inputs: Batch) -> tf.Tensor:
        terms = tf.gather(self._embeddings[0], inputs[keys.TERMS])
        lengths = tf.reshape(inputs[keys.TERM_COUNTS], [-1])
        means = tf.reduce_mean(tf.RaggedTensor.from_row_lengths(terms, lengths, validate=False), 1)
        means = tf.where(lengths[:, None] > 0, means, 0.0)
        return tf.reshape(means, [-1, len(self._tables.terms) * _DIM])

    def _learn(self, inputs: Batch, rows: tf.Tensor, click: tf.Tensor, weight: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = self._logits(inputs, rows)[:, 0]
            loss = tf.reduce_sum(weight * tf.nn.sigmoid_cross_entropy_with_logits(click, logits))
        dense = self._network.trainable_variables
        gradients = tape.gradient(loss, self._embeddings + dense)
        count = len(self._embeddings)
        self._embedding_optimizer.apply_gradients(zip(gradients[:count], self._embeddings, strict=True))
        means = [gradient / tf.reduce_sum(weight) for gradient in gradients[count:]]
        self._dense_optimizer.apply_gradients(zip(means, dense, strict=True))
