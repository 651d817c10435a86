"""The signatures of the exported SavedModel, which include the transforms."""

from collections.abc import Mapping

import tensorflow as tf
import tensorflow_transform as tft

from creative_logs.schema import REQUEST_ID
from model.choice.combination_scores import combination_logits
from model.choice.exploration import (
    GENCO_POLICY,
    THOMPSON_POLICY,
    UNIFORM_POLICY,
    Exploration,
    choice_propensity,
    explore,
    uniform_propensity,
)
from model.choice.posterior_draws import with_drawn_effects
from model.choice.two_stage import ElementTables, best, element_tables, generate
from model.config import GencoConfig
from model.export.evaluation_scores import EvaluationScores
from model.export.raw_encoder import HASH_RANGE, RawEncoder
from model.export.request_content import request_content
from model.export.request_tensors import (
    COMBINATIONS,
    EPSILON,
    POSTERIOR_SCALE,
    SEED,
    SELECTED,
    TEMPERATURE,
    ad_spec,
    exploration_spec,
    raw_features,
    request_spec,
)
from model.features import packed_batch as keys
from model.features.packed_batch import index_of
from model.features.raw_columns import joined, ragged, scalar
from model.network.genco import Encoded, GenCO


class ServingGraph:
    """A trained GenCO model with its transforms, as TensorFlow Serving runs it.

    Args:
        model: The trained network.
        transform_output: The output of the Transform that the network was trained with.
        config: The configuration of that training.
    """

    def __init__(self, model: GenCO, transform_output: tft.TFTransformOutput, config: GencoConfig):
        self._model = model
        self._config = config
        self._schema = config.log_schema
        self._encoder = RawEncoder(model, transform_output, config.log_schema)
        # As a separate function it is in the graph once, not once per signature. This keeps the graph small:
        # a server can do nothing else while it reads the graph of a new version.
        self._encode_ads = tf.function(self._encode_named_tensors, input_signature=[ad_spec(self._schema)])
        self.score_examples = tf.function(
            EvaluationScores(model, self._encoder, config.model).of_examples,
            input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.int64)],
        )

    def module(self) -> tf.Module:
        """The content of a SavedModel: `score_examples`, the transforms and the tables.

        The training state is left out because optimizer slots are as large as the tables.
        """
        module = tf.Module()
        module.tables = self._model.served_tables
        module.transforms = self._encoder.transforms
        module.score_examples = self.score_examples
        return module

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """The signatures of the serving contract, by name."""
        request = request_spec(self._schema)
        exploring = request | exploration_spec()
        components = len(self._schema.components)
        combinations = tf.TensorSpec([None, None, components], tf.int64, COMBINATIONS)
        selected = tf.TensorSpec([None, components], tf.int64, SELECTED)
        return {
            'serving_default': _concrete(self._serve, request),
            'explore': _concrete(self._serve_exploring, exploring),
            'choice_propensity': _concrete(self._serve_propensity, exploring | {SELECTED: selected}),
            'score_elements': _concrete(self._serve_elements, request),
            'score_combinations': _concrete(self._serve_combinations, request | {COMBINATIONS: combinations}),
            'examples': _concrete(
                self._serve_examples, {'examples': tf.TensorSpec([None], tf.string, 'examples')}
            ),
        }

    def _serve(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        ads, seed = _split(request, SEED)
        encoded, ids = self._encode_ads(ads)
        return self._select(encoded, ids, seed)

    def _serve_elements(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        ads, _ = _split(request, SEED)
        encoded, _ = self._encode_ads(ads)
        scores, probabilities = element_tables(self._model, encoded)
        return {'element_score': scores, 'element_probability': probabilities}

    def _serve_combinations(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        ads, _, combinations = _split(request, SEED, COMBINATIONS)
        encoded, _ = self._encode_ads(ads)
        return {'combination_ctr': tf.sigmoid(combination_logits(self._model, encoded, combinations))}

    def _serve_examples(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        spec = {name: _with_default(feature) for name, feature in self._encoder.raw_spec.items()}
        raw = self._encoder.as_request(tf.io.parse_example(request['examples'], spec))
        seed = tf.strings.to_hash_bucket_fast(scalar(raw[REQUEST_ID], ''), HASH_RANGE)
        return self._select(self._encoder.encode(raw), self._candidate_ids(raw), seed)

    def _serve_exploring(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        ads, seed, *values = _split(request, SEED, TEMPERATURE, EPSILON, POSTERIOR_SCALE)
        exploration = Exploration(*values).checked()
        encoded, ids = self._encode_ads(ads)
        drawn = with_drawn_effects(encoded, seed, exploration.posterior_scale)
        tables = element_tables(self._model, drawn, exploration.temperature)
        answer = self._choose(drawn, tables, seed)
        answer |= self._explored(encoded, answer, seed, exploration)
        return answer | self._described(encoded, ids, answer['selected_index'])

    def _serve_propensity(self, request: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        names = (SEED, SELECTED, TEMPERATURE, EPSILON, POSTERIOR_SCALE)
        ads, seed, selected, *values = _split(request, *names)
        encoded, _ = self._encode_ads(ads)
        exploration = Exploration(*values).checked()
        found = choice_propensity(self._model, encoded, seed, exploration, selected)
        return {'choice_propensity': found.elements, 'choice_propensity_joint': found.joint}

    def _encode_named_tensors(self, ads: Mapping[str, tf.Tensor]) -> tuple[Encoded, tf.RaggedTensor]:
        """Encodes the ads of a request; also returns the ids of their candidates as `_described` needs them."""
        raw, ids = raw_features(ads, self._schema, self._encoder.raw_spec)
        packed = self._encoder.pack(self._encoder.as_request(raw))
        effects = self._model.effects
        if effects is not None and effects.content is not None:
            index = index_of(packed[keys.COUNTS])
            packed[keys.CONTENT] = request_content(ads, self._schema.components, effects.content, index)
        return self._encoder.encode_packed(packed, groups=1), ids

    def _select(self, encoded: Encoded, ids: tf.RaggedTensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        answer = self._choose(encoded, element_tables(self._model, encoded), seed)
        return answer | self._described(encoded, ids, answer['selected_index'])

    def _choose(self, encoded: Encoded, tables: ElementTables, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Generates K combinations and keeps the one with the highest predicted CTR (eqs. 24, 25)."""
        combinations = generate(tables, seed, self._config.model)
        logit = combination_logits(self._model, encoded, combinations)
        selected = best(combinations, logit)
        return {
            'selected_index': selected,
            'ctr': tf.sigmoid(tf.reduce_max(logit, 1)),
            'propensity': _probability_of(selected, tables.probabilities),
            'combinations': tf.cast(combinations, tf.int64),
            'combination_ctr': tf.sigmoid(logit),
        }

    def _explored(
        self, encoded: Encoded, answer: dict, seed: tf.Tensor, exploration: Exploration
    ) -> dict[str, tf.Tensor]:
        """Returns the parts of an answer that exploration changes.

        A uniform combination is shown instead for a share of the ads. The CTR of what is shown is predicted with
        the means of all effects, also where the choice was made with drawn effects.
        """
        counts = encoded.index.counts
        explored = explore(seed, exploration.epsilon, counts)
        uniform, drawn = explored.chosen, exploration.posterior_scale > 0
        selected = tf.where(uniform[:, None], explored.combination, answer['selected_index'])
        logit = combination_logits(self._model, encoded, selected[:, None])[:, 0]
        by_model = tf.where(drawn, THOMPSON_POLICY, GENCO_POLICY)
        return {
            'selected_index': selected,
            'ctr': tf.where(uniform | drawn, tf.sigmoid(logit), answer['ctr']),
            'propensity': tf.where(uniform[:, None], uniform_propensity(counts), answer['propensity']),
            'policy': tf.where(uniform, UNIFORM_POLICY, by_model),
        }

    def _described(self, encoded: Encoded, ids: tf.RaggedTensor, selected: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns what is known of the selected candidates, [B, M] each.

        These are their ids and the names of their components, string, and the posterior standard deviations of
        their effects, float32 (`BatchEffects.element_std`); "" and 0 where a component is absent.

        Args:
            encoded: The B encoded ads.
            ids: The candidates of the first component of each ad, then those of the second, and so on.
            selected: The positions of the selected candidates, int64 [B, M], -1 where absent.
        """
        names = tf.constant(list(self._model.tables.components))
        ads = tf.shape(selected)[0]
        start = tf.transpose(tf.reshape(ids.row_starts(), [-1, ads])[: len(names)])
        place = tf.where(selected >= 0, 1 + start + selected, 0)
        encoded_place, present = self._model.places(encoded.index, selected)
        stds = tf.pad(encoded.effects.element_std, [[1, 0]])
        return {
            'selected_id': tf.gather(tf.concat([[''], ids.values], 0), place),
            'component': tf.broadcast_to(names, tf.shape(selected)),
            'effect_std': tf.gather(stds, tf.where(present, 1 + encoded_place, 0)),
        }

    def _candidate_ids(self, raw: dict) -> tf.RaggedTensor:
        return joined([ragged(raw[component.candidates]) for component in self._schema.components])


def _probability_of(chosen: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
    """Looks up chosen candidates [B, M] in a table [B, M, N]: float32 [B, M], 1 for absent components."""
    found = tf.gather(probabilities, tf.maximum(chosen, 0), batch_dims=2)
    return tf.where(chosen >= 0, found, 1.0)


def _split(request: Mapping[str, tf.Tensor], *names: str) -> tuple:
    """Separates the tensors with the given names from those that describe the ads, which come first."""
    ads = {name: value for name, value in request.items() if name not in names}
    return ads, *(request[name] for name in names)


def _concrete(function, spec: dict[str, tf.TensorSpec]):
    return tf.function(function, input_signature=[spec]).get_concrete_function()


def _with_default(spec):
    if isinstance(spec, tf.io.FixedLenFeature):
        default = '' if spec.dtype == tf.string else 0
        return tf.io.FixedLenFeature(spec.shape, spec.dtype, default_value=[default])
    return spec
