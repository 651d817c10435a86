"""Transforms against a plain Python reading of the rules."""

import numpy as np
import tensorflow as tf

from model.preprocessing import table_rows
from tests.model.conftest import CONFIG, SCHEMA


def _shown_at(logs, component):
    return logs[component.shown].to_pylist()


def test_truncation_keeps_the_shown_element(logs, transformed):
    limit = SCHEMA.max_candidates
    seen_beyond = 0
    for component in SCHEMA.components:
        lengths = transformed[component.name].row_lengths().numpy()
        shown = transformed[f'{component.name}_shown'].numpy()
        for row, (ids, was) in enumerate(zip(logs[component.candidates].to_pylist(), _shown_at(logs, component))):
            assert lengths[row] == min(len(ids), limit)
            assert shown[row] == (limit - 1 if was >= limit else was)
            seen_beyond += was >= limit
    assert seen_beyond > 10


def test_same_id_has_the_same_row_and_the_shown_one_is_where_it_says(logs, transformed):
    rows_of = {}
    for component in SCHEMA.components:
        table = transformed[component.name].to_list()
        shown = transformed[f'{component.name}_shown'].numpy()
        for row, (ids, was) in enumerate(zip(logs[component.candidates].to_pylist(), _shown_at(logs, component))):
            if was >= 0:
                key = (component.name, ids[was])
                assert rows_of.setdefault(key, table[row][shown[row]]) == table[row][shown[row]]
    assert len(rows_of) > 40


def test_hash_tables_are_powers_of_two_above_the_distinct_count(logs, transform_output):
    rows = table_rows(transform_output)
    distinct_users = len(set(logs['user_id'].to_pylist()))
    wanted = distinct_users * CONFIG.transform.load_factor
    assert rows['user_id'] == 2 ** int(np.ceil(np.log2(wanted)))


def test_frequently_shown_elements_have_rows_of_their_own(logs, transformed, transform_output):
    component = SCHEMA.components[1]
    own = transform_output.vocabulary_by_name('image_ids')
    shown = [
        ids[k] for ids, k in zip(logs[component.candidates].to_pylist(), _shown_at(logs, component)) if k >= 0
    ]
    counts = {id_: shown.count(id_) for id_ in set(shown)}
    frequent = {id_.encode() for id_, n in counts.items() if n >= CONFIG.transform.frequent_threshold}
    assert set(own) == frequent and frequent
    rows = transformed['image'].values.numpy()
    names = [id_ for ids in logs[component.candidates].to_pylist() for id_ in ids[: SCHEMA.max_candidates]]
    first_own = table_rows(transform_output)['image'] - len(own)
    rows_of = {}
    for name, row in zip(names, rows):
        assert (row >= first_own) == (name.encode() in frequent)
        rows_of.setdefault(row, set()).add(name)
    assert all(len(rows_of[row]) == 1 for row in rows_of if row >= first_own)


def test_words_are_lower_cased_and_counted_per_candidate(logs, transformed):
    counts = transformed['title_word_counts'].to_list()
    words = transformed['title_words'].to_list()
    assert all(set(row) == {3} for row in counts)
    assert [len(row) for row in words] == [sum(row) for row in counts]
    first_ad = [row for row, ad in enumerate(logs['ad_id'].to_pylist()) if ad == 'ad0']
    assert len({tuple(words[row]) for row in first_ad}) == 1


def test_missing_values_have_their_own_row_and_numbers_are_standardised(logs, transformed):
    users = np.array([user or '' for user in logs['user_id'].to_pylist()])
    rows = transformed['user_id'].numpy()
    assert len(set(rows[users == ''])) == 1
    price = transformed['price'].numpy()
    assert abs(price.mean()) < 1e-3 and abs(price.std() - 1) < 1e-2


def test_unseen_category_is_row_zero(transform_output, serialized):
    example = tf.train.Example.FromString(serialized[0])
    example.features.feature['age'].int64_list.value[0] = 99
    raw = tf.io.parse_example([example.SerializeToString()], transform_output.raw_feature_spec())
    assert int(transform_output.transform_features_layer()(raw)['age'][0]) == 0
