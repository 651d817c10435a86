"""Content read from a catalogue against a plain reading of its rows."""

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from model.content.element_contents import Catalogue
from model.features.content_keys import attribute_terms, element_keys, text_terms
from model.features.subwords import subwords
from tests.model.conftest import SCHEMA, catalogue_rows

ROWS = catalogue_rows().to_pylist()
# Two elements of the catalogue, one that it lacks, and once more the first.
IDS = [ROWS[3]['id'], 'image-unknown', ROWS[0]['id'], ROWS[3]['id']]


@pytest.fixture(scope='module')
def keys() -> np.ndarray:
    return element_keys('image', tf.constant(IDS[:3])).numpy()


def test_keys_tell_components_and_kinds_apart():
    same = tf.constant(['red'])
    found = [
        element_keys('image', same),
        element_keys('title', same),
        attribute_terms('image', tf.ragged.constant([['red']])).values,
        text_terms('image', same).values,
    ]
    joint = np.concatenate([part.numpy() for part in found])
    assert len(set(joint.tolist())) == len(joint) and (joint >= 0).all()


def test_terms_can_be_of_several_components_at_once():
    texts, names = tf.constant(['one word', 'other words']), tf.constant(['title', 'image'])
    joint = text_terms(names, texts)
    for row, name in enumerate(['title', 'image']):
        np.testing.assert_array_equal(joint[row], text_terms(name, texts[row : row + 1])[0])


@pytest.mark.parametrize('batch_rows', [1, 3, 100])
def test_content_of_elements_is_that_of_their_rows(keys, batch_rows):
    table = pa.Table.from_batches([catalogue_rows()])
    found = Catalogue(lambda: iter(table.to_batches(batch_rows)), SCHEMA).of(keys)
    by_id = {row['id']: row for row in ROWS}
    texts, attributes = found.texts['image'], found.attributes['image']
    rows, vectors = found.vectors['image']
    has_vector = dict(zip(rows.tolist(), vectors))
    for place, name in enumerate(IDS[:3]):
        row = by_id.get(name, {'text': None, 'attributes': None, 'vector': None})
        words = subwords(tf.constant([row['text'] or '']))[0].numpy().tolist()
        expected = {text_key(word): count / math.sqrt(len(words)) for word, count in Counter(words).items()}
        assert of_row(texts, place) == pytest.approx(expected)
        listed = row['attributes'] or []
        expected = {attribute_key(name): 1 / math.sqrt(len(listed)) for name in listed}
        assert of_row(attributes, place) == pytest.approx(expected)
        if row['vector'] is None:
            assert place not in has_vector
        else:
            np.testing.assert_array_equal(has_vector[place], np.float32(row['vector']))


def test_components_without_content_are_passed_over(keys):
    other = catalogue_rows().to_pylist()
    rows = [row | {'component': 'title'} for row in other]
    batch = pa.RecordBatch.from_pylist(rows, schema=catalogue_rows().schema)
    catalogue = Catalogue(lambda: iter([batch]), SCHEMA)
    assert list(catalogue.listed()) == []
    assert len(catalogue.of(keys).texts['image'].keys) == 0


def of_row(terms, row: int) -> dict[int, float]:
    part = terms.matrix[[row]].tocoo()
    return dict(zip(terms.keys[part.col].tolist(), part.data.tolist()))


def text_key(word: bytes) -> int:
    return int(tf.strings.to_hash_bucket_fast([b'text\timage\t' + word], 1 << 62)[0])


def attribute_key(name: str) -> int:
    return int(tf.strings.to_hash_bucket_fast([f'attribute\timage\t{name}'], 1 << 62)[0])
