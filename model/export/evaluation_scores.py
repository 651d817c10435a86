"""The scores and choices of an exported model on logged impressions, which the evaluator requests."""

import tensorflow as tf

from creative_logs.schema import CLICK, TIMESTAMP, WEIGHT
from model.choice.combination_scores import combination_logits
from model.choice.sampling import draw_noise, uniform_combinations
from model.choice.two_stage import best, element_tables, generate
from model.config import ModelConfig
from model.export.raw_encoder import HASH_RANGE, RawEncoder
from model.features import packed_batch as keys
from model.features.raw_columns import propensities, ragged, scalar
from model.network.genco import Combined, Encoded, GenCO


class EvaluationScores:
    """Scores logged rows; the SavedModel offers this as `score_examples`.

    Args:
        model: The trained network.
        encoder: The encoder of raw features.
        config: The shape of the network.
    """

    def __init__(self, model: GenCO, encoder: RawEncoder, config: ModelConfig):
        self._model, self._encoder, self._config = model, encoder, config
        self._schema = encoder.schema

    def of_examples(self, serialized: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns what the evaluator needs to know about R logged impressions.

        Args:
            serialized: Raw tf.Examples, string [R].
            seed: The seed of each impression, int64 [R].

        Returns:
            The logged values: click and weight float32 [R]; timestamp int64 [R]; ad_key int64 [R], a hash of
            the ad below 2^62; candidate_count and shown int64 [R, M]; shown_propensity float32 [R, M] (1/n
            where the log has none, 1 where the component is absent).
            The results of the model: element_score and element_probability float32 [R, M, N]; the choices
            greedy, sampled, two_stage and combination (the best by f_comb of uniformly drawn combinations)
            int64 [R, M]; generated_ctr and uniform_ctr float32 [R, K], which are f_comb of the generated
            combinations (the greedy one first) and of the uniformly drawn ones; shown_ctr float32 [R] and
            attention_weight float32 [R, M] of the shown combination.
            The names of the components: component string [M].
        """
        raw = tf.io.parse_example(serialized, self._encoder.raw_spec)
        logged = self._logged(raw)
        encoded = self._encoder.encode(self._encoder.as_request(raw))
        tables = element_tables(self._model, encoded)
        generated = generate(tables, seed, self._config)
        uniform = uniform_combinations(
            encoded.index.counts, draw_noise(seed, len(self._schema.components), self._config.samples)
        )
        logits = combination_logits(self._model, encoded, tf.concat([generated, uniform], 1))
        by_policy, by_chance = tf.split(logits, 2, 1)
        shown = self._shown_combination(raw, logged, encoded)
        return logged | {
            'element_score': tables.scores,
            'element_probability': tables.probabilities,
            'greedy': tf.cast(generated[:, 0], tf.int64),
            'sampled': tf.cast(generated[:, 1], tf.int64),
            'two_stage': best(generated, by_policy),
            'combination': best(uniform, by_chance),
            'generated_ctr': tf.sigmoid(by_policy),
            'uniform_ctr': tf.sigmoid(by_chance),
            'shown_ctr': tf.sigmoid(shown.logit),
            'attention_weight': shown.weights,
            'component': tf.constant([component.name for component in self._schema.components]),
        }

    def _logged(self, raw: dict) -> dict[str, tf.Tensor]:
        counts, shown, logged = [], [], []
        for component in self._schema.components:
            counts.append(tf.cast(ragged(raw[component.candidates]).row_lengths(), tf.int64))
            shown.append(scalar(raw[component.shown], -1))
            logged.append(propensities(raw[component.propensity], counts[-1]))
        return {
            'click': tf.cast(scalar(raw[CLICK], 0), tf.float32),
            'weight': scalar(raw[WEIGHT], 1.0),
            'timestamp': scalar(raw[TIMESTAMP], 0),
            'ad_key': tf.strings.to_hash_bucket_fast(scalar(raw[self._schema.ad], ''), HASH_RANGE),
            'candidate_count': tf.stack(counts, 1),
            'shown': tf.stack(shown, 1),
            'shown_propensity': tf.stack(logged, 1),
        }

    def _shown_combination(self, raw: dict, logged: dict, encoded: Encoded) -> Combined:
        """Scores the shown combinations by f_comb.

        If a list of candidates in the batch is too long, the lists are truncated as in training, which keeps
        the shown element.
        """

        def as_served():
            return self._model.score_combination(encoded, logged['shown'])

        def as_trained():
            packed = self._encoder.pack(raw)
            return self._model.score_combination(self._encoder.encode_packed(packed), packed[keys.SHOWN])

        truncated = tf.reduce_any(logged['candidate_count'] > self._schema.max_candidates)
        return tf.cond(truncated, as_trained, as_served)
