"""Seeds and cluster keys of rows."""

import numpy as np
import pytest
import tensorflow as tf

from components.sctr_evaluator.rows.row_keys import RowIdentity
from creative_logs.errors import InputError


def test_rows_of_an_ad_share_a_key_and_no_two_rows_a_seed(logs, serialized):
    seeds, keys = (value.numpy() for value in RowIdentity('ad_id')(tf.constant(serialized)))
    ads = np.array(logs['ad_id'].to_pylist())
    for ad in set(ads):
        assert len(set(keys[ads == ad])) == 1
    assert len(set(keys)) == len(set(ads))
    assert len(set(seeds)) == len(seeds)
    assert (keys >= 0).all() and (keys < 1 << 62).all()


@pytest.mark.parametrize('column', ['ad_id', 'user_id'])
def test_neither_depends_on_the_batch(serialized, column):
    whole = [value.numpy() for value in RowIdentity(column)(tf.constant(serialized))]
    identity = RowIdentity(column)
    for start in (0, 7, 500):
        part = identity(tf.constant(serialized[start : start + 5]))
        for together, alone in zip(whole, part):
            np.testing.assert_array_equal(together[start : start + 5], alone)


def test_rows_without_a_value_are_clusters_of_their_own(logs, serialized):
    _, keys = RowIdentity('user_id')(tf.constant(serialized))
    users = np.array([-1 if user is None else user for user in logs['user_id'].to_pylist()])
    unknown = keys.numpy()[users == -1]
    assert len(unknown) > 5 and len(set(unknown)) == len(unknown)
    assert len(set(keys.numpy())) == len(unknown) + len(set(users)) - 1


def test_a_batch_without_values_does_not_settle_the_type(logs, serialized):
    missing = [row for row, user in zip(serialized, logs['user_id'].to_pylist()) if user is None]
    identity = RowIdentity('user_id')
    first = identity(tf.constant(missing))[1].numpy()
    again = RowIdentity('user_id')(tf.constant(serialized))[1].numpy()
    identity(tf.constant(serialized))
    assert set(first) <= set(again)


def test_an_unknown_column_is_refused(serialized):
    with pytest.raises(InputError, match="'add_id' is no column"):
        RowIdentity('add_id')(tf.constant(serialized))
