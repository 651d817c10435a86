"""Labels of serialized rows."""

import pytest
import tensorflow as tf

from components.sctr_evaluator.rows.slice_labels import RowLabels, column_types
from creative_logs.errors import InputError


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


def test_values_are_text_and_missing_ones_none():
    labels = RowLabels(('age', 'category', 'terms'))(ROWS)
    assert labels == {
        'age': ['30', None, '-1'],
        'category': ['phone', None, 'b\u00e4r'],
        'terms': ['a, b', None, 'c'],
    }


def test_long_and_broken_text_is_kept_short_and_readable():
    rows = tf.constant([_row(c=[b'x' * 1000]), _row(c=[b'\xff'])])
    long, broken = RowLabels(('c',))(rows)['c']
    assert long == 'x' * 100 and broken == '\ufffd'


def test_the_type_is_found_once_there_is_a_value():
    labels = RowLabels(('age',))
    assert labels(ROWS[1:2]) == {'age': [None]}
    assert labels(ROWS) == {'age': ['30', None, '-1']}


def test_no_columns_need_no_work():
    assert RowLabels(())(ROWS) == {}


def test_an_unknown_column_is_named():
    with pytest.raises(InputError, match="evaluation.slices: 'hour' is no column of the logs"):
        RowLabels(('hour',))(ROWS)


def test_types_of_columns():
    assert column_types(ROWS) == {
        'category': tf.string,
        'age': tf.int64,
        'terms': tf.string,
        'price': tf.float32,
    }
