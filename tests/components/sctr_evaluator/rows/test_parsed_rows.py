"""Seeds, cluster keys, labels and candidate ids of parsed rows."""

import numpy as np
import pytest
import tensorflow as tf

from components.sctr_evaluator.rows.parsed_rows import RowParser, column_types
from creative_logs.errors import InputError
from creative_logs.schema import Component, ContextFeature, LogSchema
from tests.components.sctr_evaluator.tiny_export import SCHEMA

LABELLED = LogSchema(
    context=(
        ContextFeature(name='ad_id'),
        ContextFeature(name='category'),
        ContextFeature(name='age', type='int64'),
        ContextFeature(name='price', type='float'),
        ContextFeature(name='terms', type='string_list'),
    ),
    components=(Component(name='title', text=True),),
)


def _row(**features):
    kinds = {
        bytes: lambda v: tf.train.Feature(bytes_list=tf.train.BytesList(value=v)),
        int: lambda v: tf.train.Feature(int64_list=tf.train.Int64List(value=v)),
        float: lambda v: tf.train.Feature(float_list=tf.train.FloatList(value=v)),
        type(None): lambda v: tf.train.Feature(),
    }
    made = {name: kinds[type(values[0])](values) for name, values in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()


ROWS = tf.constant(
    [
        _row(category=[b'phone'], age=[30], terms=[b'a', b'b'], price=[0.5]),
        _row(category=[None], age=[None], terms=[None], price=[None]),
        _row(category=['b\u00e4r'.encode()], age=[-1], terms=[b'c'], price=[2.0]),
    ]
)


def _labels(rows, *columns):
    return RowParser(LABELLED, 'ad_id', columns)(rows).labels


def test_rows_of_an_ad_share_a_key_and_no_two_rows_a_seed(logs, serialized):
    parsed = RowParser(SCHEMA, 'ad_id')(tf.constant(serialized))
    ads = np.array(logs['ad_id'].to_pylist())
    for ad in set(ads):
        assert len(set(parsed.keys[ads == ad])) == 1
    assert len(set(parsed.keys)) == len(set(ads))
    assert len(set(parsed.seeds)) == len(parsed.seeds)
    assert (parsed.keys >= 0).all() and (parsed.keys < 1 << 62).all()
    assert parsed.request_ids.tolist() == [name.encode() for name in logs['request_id'].to_pylist()]


@pytest.mark.parametrize('column', ['ad_id', 'user_id', 'request_id'])
def test_nothing_depends_on_the_batch(serialized, column):
    parser = RowParser(SCHEMA, column, ['user_id', 'ad_id'], ['image'])
    whole = parser(tf.constant(serialized))
    for start in (0, 7, 500):
        part, chosen = parser(tf.constant(serialized[start : start + 5])), slice(start, start + 5)
        np.testing.assert_array_equal(part.seeds, whole.seeds[chosen])
        np.testing.assert_array_equal(part.keys, whole.keys[chosen])
        assert part.labels == {name: values[chosen] for name, values in whole.labels.items()}


def test_rows_without_a_value_are_clusters_of_their_own(logs, serialized):
    keys = RowParser(SCHEMA, 'user_id')(tf.constant(serialized)).keys
    users = np.array([-1 if user is None else user for user in logs['user_id'].to_pylist()])
    unknown = keys[users == -1]
    assert len(unknown) > 5 and len(set(unknown)) == len(unknown)
    assert len(set(keys)) == len(unknown) + len(set(users)) - 1


def test_hashes_are_those_of_the_shown_candidates(logs, serialized):
    ids = RowParser(SCHEMA, 'ad_id', id_components=['title'])(tf.constant(serialized)).candidate_ids['title']
    lists, shown = logs['title_candidates'].to_pylist(), np.array(logs['title_shown'].to_pylist())
    names = [candidates[k] if k >= 0 else None for candidates, k in zip(lists, shown)]
    found = ids.hash_at(shown)
    expected = [-1 if name is None else hash_of(name) for name in names]
    assert found.tolist() == expected
    assert (ids.hash_at(np.full(len(shown), -1)) == -1).all()


def hash_of(name: str) -> int:
    return int(tf.strings.to_hash_bucket_fast(name, 1 << 62))


def test_labels_are_text_and_missing_ones_none():
    assert _labels(ROWS, 'age', 'category', 'terms', 'price') == {
        'age': ['30', None, '-1'],
        'category': ['phone', None, 'b\u00e4r'],
        'terms': ['a, b', None, 'c'],
        'price': ['0.500000', None, '2.000000'],
    }


def test_long_and_broken_text_is_kept_short_and_readable():
    rows = tf.constant([_row(category=[b'x' * 1000]), _row(category=[b'\xff'])])
    long, broken = _labels(rows, 'category')['category']
    assert long == 'x' * 100 and broken == '\ufffd'


def test_a_batch_without_values_has_the_type_of_the_schema():
    assert _labels(ROWS[1:2], 'age') == {'age': [None]}


def test_no_columns_give_no_labels():
    assert _labels(ROWS) == {}


def test_an_unknown_column_is_named():
    with pytest.raises(InputError, match="evaluation.cluster: 'add_id' is not a column of the logs"):
        RowParser(SCHEMA, 'add_id')
    with pytest.raises(InputError, match="evaluation.slices: 'hour' is not a column of the logs"):
        RowParser(SCHEMA, 'ad_id', ['hour'])


def test_types_are_those_of_the_schema():
    types = column_types(LABELLED)
    assert types.keys() == set(LABELLED.arrow_schema().names)
    assert {name: types[name] for name in ('category', 'age', 'terms', 'price', 'click', 'weight')} == {
        'category': tf.string,
        'age': tf.int64,
        'terms': tf.string,
        'price': tf.float32,
        'click': tf.int64,
        'weight': tf.float32,
    }
    assert types['title_candidates'] == types['title_text'] == tf.string
