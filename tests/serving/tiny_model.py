"""A small real SavedModel with the signatures of the serving contract, and the requests it takes."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

COMPONENTS = ('title', 'image', 'button')
SAMPLES = 8
BUCKETS = 64
SPEC = {
    'user_id': tf.TensorSpec([None], tf.string, 'user_id'),
    'ad_id': tf.TensorSpec([None], tf.string, 'ad_id'),
    'hour': tf.TensorSpec([None], tf.int64, 'hour'),
    'age': tf.TensorSpec([None], tf.float32, 'age'),
    'query_terms': tf.TensorSpec([None, None], tf.string, 'query_terms'),
    'title_candidates': tf.TensorSpec([None, None], tf.string, 'title_candidates'),
    'title_text': tf.TensorSpec([None, None], tf.string, 'title_text'),
    'image_candidates': tf.TensorSpec([None, None], tf.string, 'image_candidates'),
    'button_candidates': tf.TensorSpec([None, None], tf.string, 'button_candidates'),
    'seed': tf.TensorSpec([None], tf.int64, 'seed'),
}
EXPLORE_SPEC = SPEC | {
    name: tf.TensorSpec([None], tf.float32, name) for name in ('temperature', 'epsilon', 'posterior_scale')
}


class TinyModel(tf.Module):
    """Scores an element by a table looked up by its id; draws combinations by a stateless seed."""

    def __init__(self, table_seed: int):
        super().__init__()
        table = np.random.default_rng(table_seed).normal(scale=0.5, size=BUCKETS)
        self.table = tf.Variable(table, dtype=tf.float32)
        self.stds = tf.linspace(0.1, 0.4, BUCKETS)

    def signatures(self) -> dict:
        combinations = tf.TensorSpec([None, None, len(COMPONENTS)], tf.int64, 'combinations')
        selected = tf.TensorSpec([None, len(COMPONENTS)], tf.int64, 'selected')
        return {
            'serving_default': _concrete(self.select, SPEC),
            'explore': _concrete(self.explore, EXPLORE_SPEC),
            'choice_propensity': _concrete(self.choice_propensity, EXPLORE_SPEC | {'selected': selected}),
            'score_elements': _concrete(self.score_elements, SPEC),
            'score_combinations': _concrete(self.score_combinations, SPEC | {'combinations': combinations}),
            'spin': _concrete(self.spin, {'rounds': tf.TensorSpec([None], tf.int64, 'rounds')}),
        }

    def select(self, request):
        scores, present = self._scores(request)
        return self._select(request, tf.where(present, scores, -1e9), present)

    def explore(self, request):
        """As `select` at a temperature, with drawn effects; by the seed, a share epsilon of the ads gets uniform combinations."""
        scores, present = self._scores(request)
        scores += (
            request['posterior_scale'][:, None, None] * self._stds(request) * self._noise(request, scores)
        )
        uniform = self._is_uniform(request)
        tempered = scores / request['temperature'][:, None, None]
        logits = tf.where(present, tf.where(uniform[:, None, None], 0.0, tempered), -1e9)
        outputs = self._select(request, logits, present, tf.where(uniform, 1, 0))
        by_model = tf.where(request['posterior_scale'] > 0, 'thompson', 'genco')
        return outputs | {'policy': tf.where(uniform, 'uniform', by_model)}

    def choice_propensity(self, request):
        """No estimate: the probability of `selected` if every element were chosen alone, by the softmax."""
        scores, present = self._scores(request)
        logits = tf.where(present, scores / request['temperature'][:, None, None], -1e9)
        epsilon = request['epsilon'][:, None]
        chosen = tf.maximum(request['selected'], 0)
        by_model = tf.gather(tf.nn.softmax(logits), chosen, batch_dims=2)
        by_chance = 1 / tf.maximum(tf.reduce_sum(tf.cast(present, tf.float32), -1), 1)
        mixed = tf.where(request['selected'] >= 0, epsilon * by_chance + (1 - epsilon) * by_model, 1.0)
        return {'choice_propensity': mixed, 'choice_propensity_joint': tf.reduce_prod(mixed, 1)}

    def _is_uniform(self, request):
        def one(seed):
            return tf.random.stateless_uniform([], tf.stack([seed, 1]))

        return tf.map_fn(one, request['seed'], fn_output_signature=tf.float32) < request['epsilon']

    def _select(self, request, logits, present, first_drawn=0):
        """Combinations by their logits; the best of them, or where `first_drawn` is 1, the first drawn."""
        greedy = tf.argmax(logits, -1)[:, None]
        drawn = self._draw(logits, request['seed'])
        combinations = tf.where(tf.reduce_any(present, -1)[:, None], tf.concat([greedy, drawn], 1), -1)
        ctr = self._ctr(request, combinations)
        place = tf.where(first_drawn > 0, tf.ones_like(ctr[:, 0], tf.int64), tf.argmax(ctr, 1))
        selected = tf.gather(combinations, place, batch_dims=1)
        selected_ctr = tf.gather(ctr, place, batch_dims=1)
        place = tf.maximum(selected, 0)
        here = selected >= 0
        probability = tf.gather(tf.nn.softmax(logits), place, batch_dims=2)
        ids = tf.gather(_padded_candidates(request), place, batch_dims=2)
        return {
            'selected_index': selected,
            'selected_id': tf.where(here, ids, ''),
            'ctr': selected_ctr,
            'propensity': tf.where(here, probability, 1.0),
            'combinations': combinations,
            'combination_ctr': ctr,
            'component': tf.repeat(tf.constant([COMPONENTS]), tf.shape(selected)[0], 0),
            'effect_std': tf.where(here, tf.gather(self._stds(request), place, batch_dims=2), 0.0),
        }

    def score_elements(self, request):
        scores, present = self._scores(request)
        return {
            'element_score': tf.where(present, scores, -float('inf')),
            'element_probability': tf.where(present, tf.nn.softmax(tf.where(present, scores, -1e9)), 0.0),
        }

    def score_combinations(self, request):
        return {'combination_ctr': self._ctr(request, request['combinations'])}

    def spin(self, request):
        """Keeps the server busy until it is cancelled, or for so many rounds: int64 [B]."""
        most = tf.reduce_max(request['rounds'])
        counter = tf.while_loop(lambda i: i < most, lambda i: [i + 1], [tf.constant(0, tf.int64)])
        return {'rounds': tf.minimum(request['rounds'], counter[0])}

    def _scores(self, request):
        ids = _padded_candidates(request)
        rows = tf.strings.to_hash_bucket_fast(ids, BUCKETS)
        return tf.gather(self.table, rows), ids != ''

    def _stds(self, request):
        return tf.gather(self.stds, tf.strings.to_hash_bucket_fast(_padded_candidates(request), BUCKETS))

    def _noise(self, request, scores):
        def one(row):
            return tf.random.stateless_normal(tf.shape(row[0]), tf.stack([row[1], 2]))

        return tf.map_fn(one, (scores, request['seed']), fn_output_signature=tf.float32)

    def _ctr(self, request, combinations):
        scores, _ = self._scores(request)
        per_sample = tf.repeat(scores[:, None], tf.shape(combinations)[1], 1)
        chosen = tf.gather(per_sample, tf.maximum(combinations, 0), batch_dims=3)
        total = tf.reduce_sum(tf.where(combinations >= 0, chosen, 0.0), -1)
        appeal = tf.gather(self.table, tf.strings.to_hash_bucket_fast(request['ad_id'], BUCKETS))
        age = tf.debugging.check_numerics(request['age'], 'age')
        return tf.sigmoid(total + (appeal + 0.01 * age + 0.0 * tf.cast(request['hour'], tf.float32))[:, None])

    def _draw(self, logits, seed):
        shape = tf.concat([[SAMPLES - 1], tf.shape(logits)[1:]], 0)

        def one(row):
            uniform = tf.random.stateless_uniform(shape, tf.stack([row[1], 0]), 1e-6, 1.0)
            return tf.argmax(row[0] - tf.math.log(-tf.math.log(uniform)), -1)

        return tf.map_fn(one, (logits, seed), fn_output_signature=tf.int64)


class EarlierModel(TinyModel):
    """Does not say how uncertain effects are, and cannot draw them."""

    def signatures(self) -> dict:
        spec = {name: tensor for name, tensor in EXPLORE_SPEC.items() if name != 'posterior_scale'}
        return super().signatures() | {
            'serving_default': _concrete(lambda request: _without_std(self.select(request)), SPEC),
            'explore': _concrete(self._explore_without_draws, spec),
        }

    def _explore_without_draws(self, request):
        return _without_std(self.explore(request | {'posterior_scale': tf.zeros_like(request['epsilon'])}))


def _without_std(outputs: dict) -> dict:
    return {name: value for name, value in outputs.items() if name != 'effect_std'}


def _padded_candidates(request):
    """Ids of all components, string [B, M, N], padded with ''."""
    lists = [request[f'{name}_candidates'] for name in COMPONENTS]
    width = tf.reduce_max([tf.shape(ids)[1] for ids in lists] + [1])
    padded = []
    for ids in lists:
        missing = tf.fill([tf.shape(ids)[0], width - tf.shape(ids)[1]], '')
        padded.append(tf.concat([ids, missing], 1))
    return tf.stack(padded, 1)


def _concrete(function, spec):
    return tf.function(function, input_signature=[spec]).get_concrete_function()


def export(
    directory: Path,
    table_seed: int = 1,
    warmup: tuple[dict, ...] | None = None,
    kind: type[TinyModel] = TinyModel,
) -> None:
    """Writes a version; `warmup` holds the inputs of its warm-up requests."""
    temporary = directory.with_name(f'.{directory.name}')
    model = kind(table_seed)
    tf.saved_model.save(model, str(temporary), signatures=model.signatures())
    if warmup is not None:
        write_warmup(temporary, warmup)
    temporary.rename(directory)


def write_warmup(directory: Path, requests: tuple[dict, ...]) -> None:
    extra = directory / 'assets.extra'
    extra.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(extra / 'tf_serving_warmup_requests')) as writer:
        for inputs in requests:
            log = prediction_log_pb2.PredictLog(request=predict_request(inputs))
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())


def predict_request(inputs: dict, name: str = '', signature: str = '') -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return request


def example_inputs(ads: int = 2) -> dict[str, np.ndarray]:
    """Ads with three titles, two images and no button."""
    rows = range(ads)
    return {
        'user_id': np.array([f'u{i}'.encode() for i in rows], object),
        'ad_id': np.array([f'ad{i}'.encode() for i in rows], object),
        'hour': np.arange(ads, dtype=np.int64),
        'age': np.linspace(20, 60, ads, dtype=np.float32),
        'query_terms': np.array([[b'red', b'shoes']] * ads, object),
        'title_candidates': np.array([[f't{i}-{j}'.encode() for j in range(3)] for i in rows], object),
        'title_text': np.array([[b'Buy', b'Look', b'Now']] * ads, object),
        'image_candidates': np.array([[f'i{i}-{j}'.encode() for j in range(2)] for i in rows], object),
        'button_candidates': np.array([[b'']] * ads, object),
        'seed': np.arange(ads, dtype=np.int64) + 7,
    }
