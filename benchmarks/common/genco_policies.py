"""The policies of a trained GenCO model: f_ele alone, f_comb alone, and both stages."""

import numpy as np
import tensorflow as tf

from model.baselines.additive import AdditivePolicy
from model.choice.combination_scores import combination_logits
from model.choice.posterior_draws import with_drawn_effects
from model.choice.sampling import draw_noise, sample_combinations, uniform_combinations
from model.choice.two_stage import best_by_ctr, element_tables, generate
from model.features.packed_batch import Batch
from model.network.genco import Encoded, GenCO

GENCO = 'genco'
GENCO_THOMPSON = 'genco_thompson'
CONTENT = '_content'  # the suffix of the names of policies that read the catalogue
GENCO_CONTENT = GENCO + CONTENT


def genco_policies(model: GenCO, seed: int = 1) -> dict:
    """Returns the policies of a trained model by name. They do not learn.

    Args:
        model: The trained model.
        seed: The seed of the combinations that the policies draw.
    """
    graphs = _Graphs(model)
    return {'f_ele': _Elements(graphs), 'f_comb': _Combinations(graphs, seed), GENCO: _TwoStage(graphs, seed)}


def thompson_policy(model: GenCO, scale: float = 1.0, seed: int = 1) -> '_Thompson':
    """Returns both stages of a trained model with effects drawn from their posterior for every request.

    Args:
        model: The trained model.
        scale: The factor of the standard deviations of the draws; 1 is Thompson sampling.
        seed: The seed of the draws.
    """
    return _Thompson(_Graphs(model), seed, scale)


class _Graphs:
    """The computations of the policies, each traced once as a graph."""

    def __init__(self, model: GenCO):
        self._model = model
        self._shape = len(model.tables.components), model.config.samples
        self.element_scores = tf.function(self._element_scores, reduce_retracing=True)
        self.combination_scores = tf.function(self._combination_scores, reduce_retracing=True)
        self.best_generated = tf.function(self._best_generated, reduce_retracing=True)
        self.best_drawn = tf.function(self._best_drawn, reduce_retracing=True)
        self.best_uniform = tf.function(self._best_uniform, reduce_retracing=True)
        self.generated_of = tf.function(self._generated_of, reduce_retracing=True)

    def _element_scores(self, batch: Batch) -> tf.Tensor:
        return self._model.score_elements(self._model.encode(batch))

    def _combination_scores(self, batch: Batch, combinations: tf.Tensor) -> tf.Tensor:
        return combination_logits(self._model, self._model.encode(batch), combinations)

    def _best_generated(self, batch: Batch, seed: tf.Tensor) -> tf.Tensor:
        return self._best_of(self._model.encode(batch), seed)

    def _best_drawn(self, batch: Batch, seed: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
        return self._best_of(with_drawn_effects(self._model.encode(batch), seed, scale), seed)

    def _best_of(self, encoded: Encoded, seed: tf.Tensor) -> tf.Tensor:
        generated = generate(element_tables(self._model, encoded), seed, self._model.config)
        return best_by_ctr(self._model, encoded, generated)

    def _best_uniform(self, batch: Batch, seed: tf.Tensor) -> tf.Tensor:
        encoded = self._model.encode(batch)
        noise = draw_noise(seed, *self._shape)
        return best_by_ctr(self._model, encoded, uniform_combinations(encoded.index.counts, noise))

    def _generated_of(self, batch: Batch, combinations: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Whether the generator, restricted to the given combinations, draws each of them, bool [B, K]."""
        encoded = self._model.encode(batch)
        place, present = self._model.places(encoded.index, combinations)
        logits = tf.gather(self._model.score_elements(encoded), place) / self._model.config.temperature
        joint = tf.reduce_sum(tf.where(present, logits, 0.0), 2)
        noise = draw_noise(seed, 1, self._model.config.samples - 1)
        drawn = sample_combinations(tf.nn.softmax(joint)[:, None], noise)[:, :, 0]
        chosen = tf.concat([tf.argmax(joint, 1, tf.int32)[:, None], drawn], 1)
        return tf.reduce_any(tf.one_hot(chosen, tf.shape(joint)[1], True, False, dtype=tf.bool), 1)


class _Elements(AdditivePolicy):
    """f_ele: chooses the best element of each component."""

    def __init__(self, graphs: _Graphs):
        self._graphs = graphs

    def element_scores(self, batch: Batch) -> np.ndarray:
        return self._graphs.element_scores(batch).numpy().astype(np.float64)


class _Combinations:
    """f_comb: scores given combinations; chooses the best of K that are drawn uniformly."""

    def __init__(self, graphs: _Graphs, seed: int):
        self._graphs, self._rng = graphs, np.random.default_rng(seed)

    def score_combinations(self, batch: Batch, combinations: np.ndarray) -> np.ndarray:
        return self._graphs.combination_scores(batch, combinations).numpy().astype(np.float64)

    def choose(self, batch: Batch) -> np.ndarray:
        return self._graphs.best_uniform(batch, self._seeds(batch)).numpy()

    def _seeds(self, batch: Batch) -> np.ndarray:
        return self._rng.integers(1 << 62, size=len(batch['counts']))


class _TwoStage(_Combinations):
    """Both stages: chooses, by f_comb, the best of K combinations that pi_theta generates."""

    def score_combinations(self, batch: Batch, combinations: np.ndarray) -> np.ndarray:
        """f_comb of those that pi_theta, restricted to the given ones, generates; -inf for the others."""
        generated = self._graphs.generated_of(batch, combinations, self._seeds(batch)).numpy()
        return np.where(generated, super().score_combinations(batch, combinations), -np.inf)

    def choose(self, batch: Batch) -> np.ndarray:
        return self._graphs.best_generated(batch, self._seeds(batch)).numpy()


class _Thompson(_TwoStage):
    """Both stages, with drawn effects in each of them."""

    def __init__(self, graphs: _Graphs, seed: int, scale: float):
        super().__init__(graphs, seed)
        self._scale = np.float32(scale)

    def choose(self, batch: Batch) -> np.ndarray:
        seeds = self._seeds(batch)
        return self._graphs.best_drawn(batch, seeds, np.full(len(seeds), self._scale)).numpy()
