"""Lists of several features, put together and taken apart."""

import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from model.features.raw_columns import joined, parted

_LISTS = st.lists(st.integers(0, 9), max_size=4)


@st.composite
def features(draw):
    """Of 1 to 4 features the lists of as many rows each, none included."""
    rows = draw(st.integers(0, 3))
    return draw(st.lists(st.lists(_LISTS, min_size=rows, max_size=rows), min_size=1, max_size=4))


@given(features())
def test_joined_lists_are_one_below_the_other_and_part_again(lists):
    columns = [tf.ragged.constant(rows, tf.int64, 1, (), row_splits_dtype=tf.int64) for rows in lists]
    joint = joined(columns)
    assert joint.to_list() == [row for rows in lists for row in rows]
    assert [column.to_list() for column in parted(joint, len(lists))] == lists
