"""Tensors of a request as the transforms see them, against a plain Python reading of the rules."""

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from model.export.request_tensors import ad_spec, raw_features
from tests.model.conftest import SCHEMA
from tests.model.requests import no_content

_CANDIDATES = [component.candidates for component in SCHEMA.components]
_LISTS = _CANDIDATES + [feature.name for feature in SCHEMA.context if feature.type == 'string_list']


@st.composite
def tables(draw):
    """Of each list feature a table of as many rows, of a width of its own, with empty values anywhere."""
    rows = draw(st.integers(0, 3))
    found = {}
    for name in _LISTS:
        width = draw(st.integers(0, 4))
        row = st.lists(st.sampled_from(['', '', 'a', 'b', 'c']), min_size=width, max_size=width)
        found[name] = tf.reshape(
            tf.constant(sum(draw(st.lists(row, min_size=rows, max_size=rows)), []), tf.string), [rows, width]
        )
    return rows, found


def _ads(rows, found):
    spec = ad_spec(SCHEMA)
    scalars = {name: tf.zeros([rows], spec[name].dtype) for name in spec if spec[name].shape.rank == 1}
    texts = {c.texts: found[c.candidates] for c in SCHEMA.components if c.text}
    return no_content(rows) | scalars | found | texts


def _up_to_the_last(row):
    last = max((place + 1 for place, value in enumerate(row) if value), default=0)
    return list(row[:last])


@given(tables())
def test_lists_end_with_their_last_value(case):
    rows, found = case
    raw, ids = raw_features(_ads(rows, found), SCHEMA, {})
    expected = {name: [_up_to_the_last(row) for row in found[name].numpy().tolist()] for name in _LISTS}
    assert {name: raw[name].to_list() for name in _LISTS} == expected
    candidates = sum((expected[name] for name in _CANDIDATES), [])
    assert ids.to_list()[: len(candidates)] == candidates


def test_features_of_unequal_rows_are_refused():
    found = {name: tf.constant([['a', 'b'], ['c', '']]) for name in _LISTS}
    found[_LISTS[0]] = tf.constant([['a', 'b']])
    with pytest.raises(tf.errors.InvalidArgumentError, match='Dimension 0 in both shapes must be equal'):
        raw_features(_ads(2, found), SCHEMA, {})
