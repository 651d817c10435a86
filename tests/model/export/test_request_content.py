"""Content that a request brings, in the exported graph: an element counts the same, listed or not."""

import numpy as np
import pytest
import tensorflow as tf

from tests.model.conftest import catalogue_rows
from tests.model.requests import image_content as content
from tests.model.requests import request_of

ROWS = [row for row in catalogue_rows().to_pylist() if row['vector'] and row['attributes'] and row['text']]
LISTED = ROWS[0]


@pytest.fixture(scope='module')
def scores(loaded, logs):
    """The scores of images that a request offers for the same ad, float32 [images]."""

    def of(images: list[str], **content) -> np.ndarray:
        request = request_of(logs, 1)
        request['image_candidates'] = tf.constant([images])
        found = loaded.signatures['score_elements'](**request | content)
        return found['element_score'].numpy()[0, 1, : len(images)]

    return of


def test_the_model_has_learned_something_of_content(model):
    worth = model.effects.content.worth.numpy()
    assert len(worth) == 1 + catalogue_rows().num_rows and np.ptp(worth) > 0.01


def test_content_of_an_unlisted_element_adds_what_it_is_worth_to_a_listed_one(model, scores, batch):
    plain = scores(['new'])
    told = scores(['new'], **content([LISTED]))
    keys, worth = model.effects.content.element_keys.numpy(), model.effects.content.worth.numpy()
    key = int(tf.strings.to_hash_bucket_fast([f'element\timage\t{LISTED["id"]}'], 1 << 62)[0])
    (found,) = worth[keys == key]
    products = model.effects.interactions
    cells = products.cells.of(products.cells.categories(batch['context_ids'][:1])).numpy()[0]
    taste = products.context.numpy()[cells].sum(0) @ found[1 : 1 + products.taste_dim]
    component = list(model.tables.components).index('image')
    importance = np.exp(model.effects.importance(batch['context_ids'][:1]).numpy()[0, component])
    np.testing.assert_allclose(told - plain, importance * (found[0] + taste), atol=1e-5)
    assert abs(told - plain) > 1e-3


def test_content_of_a_listed_element_is_not_read_from_the_request(scores):
    other = LISTED | {'attributes': ['colour=other'], 'vector': [9.0, -9.0, 9.0], 'text': 'Anything'}
    np.testing.assert_array_equal(scores([LISTED['id']]), scores([LISTED['id']], **content([other])))


def test_each_candidate_gets_its_own_content(scores):
    rows = [ROWS[0], None, ROWS[1]]
    together = scores(['new', 'other', 'third'], **content(rows))
    plain = scores(['new', 'other', 'third'])
    for place, row in enumerate(rows):
        alone = [None] * place + [row]
        expected = scores(['new', 'other', 'third'], **content(alone)) if row else plain
        np.testing.assert_allclose(together[place], expected[place], atol=1e-6)


@pytest.mark.parametrize('width', [0, 1, 2, 5])
def test_tensors_of_content_may_have_any_width(scores, width):
    """What lies beyond the candidates counts as little as what is missing."""
    vectors = {'image_vector': tf.constant([[LISTED['vector']] * width], shape=[1, width, 3])}
    found, plain = scores(['new', 'other'], **vectors), scores(['new', 'other'])
    changed = [abs(found[k] - plain[k]) > 1e-6 for k in range(2)]
    assert changed == [width > 0, width > 1]


def test_content_for_another_number_of_ads_is_refused(scores):
    two_ads = {
        name: tf.tile(value, [2] + [1] * (value.shape.rank - 1)) for name, value in content([LISTED]).items()
    }
    with pytest.raises(tf.errors.InvalidArgumentError):
        scores(['new'], **two_ads)
