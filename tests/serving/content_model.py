"""A small real SavedModel that takes the content of candidates, and the worth of content, computed without it."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from serving.client.content import ElementContent
from serving.client.request import SelectRequest

COMPONENTS = ('badge', 'image', 'title')
DIMENSIONS = 3
WEIGHTS = (0.5, -1.0, 2.0)
MOST = 4
SPEC = {
    'ad_id': tf.TensorSpec([None], tf.string, 'ad_id'),
    'badge_candidates': tf.TensorSpec([None, None], tf.string, 'badge_candidates'),
    'image_candidates': tf.TensorSpec([None, None], tf.string, 'image_candidates'),
    'image_attributes': tf.TensorSpec([None, None], tf.string, 'image_attributes'),
    'title_candidates': tf.TensorSpec([None, None], tf.string, 'title_candidates'),
    'title_text': tf.TensorSpec([None, None], tf.string, 'title_text'),
    'title_attributes': tf.TensorSpec([None, None], tf.string, 'title_attributes'),
    'title_vector': tf.TensorSpec([None, None, DIMENSIONS], tf.float32, 'title_vector'),
    'seed': tf.TensorSpec([None], tf.int64, 'seed'),
}


def worth(text: str = '', attributes: tuple[str, ...] = (), vector: tuple[float, ...] = ()) -> float:
    """The worth of an element's content: of each byte of its text, each attribute's bytes, and its vector."""
    of_text = 0.01 * len(text.encode())
    of_attributes = sum(0.1 * len(attribute.encode()) for attribute in attributes)
    return of_text + of_attributes + sum(weight * value for weight, value in zip(WEIGHTS, vector))


class ContentModel(tf.Module):
    """Chooses the candidates of the highest worth; of equal ones the first."""

    @tf.function(input_signature=[SPEC])
    def select(self, request):
        worths = [self._worths(request, name) for name in COMPONENTS]
        selected = tf.stack([tf.argmax(each, -1) for each in worths], 1)
        present = tf.stack([tf.reduce_max(each, -1) > -1e8 for each in worths], 1)
        selected = tf.where(present, selected, -1)
        best = tf.stack([tf.reduce_max(each, -1) for each in worths], 1)
        ids = tf.stack(
            [
                tf.gather(request[f'{name}_candidates'], tf.maximum(selected[:, m], 0), batch_dims=1)
                for m, name in enumerate(COMPONENTS)
            ],
            1,
        )
        ctr = tf.sigmoid(tf.reduce_sum(tf.where(present, best, 0.0), 1))
        return {
            'selected_index': selected,
            'selected_id': tf.where(present, ids, ''),
            'ctr': ctr,
            'propensity': tf.ones_like(best),
            'combinations': selected[:, None],
            'combination_ctr': ctr[:, None],
            'component': tf.repeat(tf.constant([COMPONENTS]), tf.shape(selected)[0], 0),
            **{f'{name}_worth': each[:, :MOST] for name, each in zip(COMPONENTS, worths)},
        }

    def _worths(self, request, name):
        ids = request[f'{name}_candidates']
        width = tf.shape(ids)[1]
        total = tf.where(ids == '', -1e9, 0.0)
        if f'{name}_text' in request:
            texts = request[f'{name}_text']
            total += _padded(0.01 * tf.cast(tf.strings.length(texts), tf.float32), width)
        if f'{name}_attributes' in request:
            joined = request[f'{name}_attributes']
            each = tf.strings.split(tf.reshape(joined, [-1]), '\n')
            lengths = tf.cast(tf.reduce_sum(tf.strings.length(each), -1), tf.float32)
            total += _padded(0.1 * tf.reshape(lengths, tf.shape(joined)), width)
        if f'{name}_vector' in request:
            total += _padded(tf.linalg.matvec(request[f'{name}_vector'], tf.constant(WEIGHTS)), width)
        return total

    @tf.function(input_signature=[SPEC])
    def score_elements(self, request):
        del request
        return {'element_score': tf.zeros([1, len(COMPONENTS), MOST])}


def _padded(values: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    return tf.pad(values, [[0, 0], [0, width - tf.shape(values)[1]]])


def export(directory: Path) -> Path:
    """Writes a version."""
    model = ContentModel()
    signatures = {'serving_default': model.select, 'score_elements': model.score_elements}
    tf.saved_model.save(model, str(directory), signatures=signatures)
    return directory


def random_request(number: int) -> tuple[SelectRequest, dict[str, list[float]]]:
    """A request in which some candidates have content, and the worth of each candidate by component."""
    random = np.random.default_rng(number)
    share = random.choice([0.0, 0.2, 1.0])  # requests without any content, with little, with all
    candidates: dict[str, list[str]] = {}
    contents: dict[str, dict[str, ElementContent]] = {'title': {}, 'image': {}}
    worths: dict[str, list[float]] = {}
    for name in COMPONENTS:
        count = int(random.integers(1 if name == 'title' else 0, MOST + 1))
        candidates[name] = [f'{name}{number}-{i}' for i in range(count)]
        worths[name] = []
        for id_ in candidates[name]:
            text, attributes, vector = '', (), None
            if name != 'badge' and random.random() < share:
                text = 'é' * int(random.integers(4)) if name == 'title' else ''
                attributes = tuple(f'a={i}' * i for i in range(1, 1 + int(random.integers(3))))
                if name == 'title' and random.random() < 0.7:
                    vector = tuple(random.normal(size=DIMENSIONS).astype(np.float32).tolist())
                contents[name][id_] = ElementContent(text, attributes, vector)
            worths[name].append(worth(text, attributes, vector or ()))
    return SelectRequest({'ad_id': f'ad{number}'}, candidates, seed=number, content=contents), worths
