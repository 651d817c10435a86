"""Transforms against a plain Python reading of the rules."""

import numpy as np
import tensorflow as tf

from model.features.preprocessing import frequent_elements
from model.features.subwords import subwords
from tests.model.conftest import CONFIG, SCHEMA


def _shown_at(logs, component):
    return logs[component.shown].to_pylist()


def test_truncation_keeps_the_shown_element(logs, transformed):
    limit = SCHEMA.max_candidates
    seen_beyond = 0
    for component in SCHEMA.components:
        lengths = transformed[component.name].row_lengths().numpy()
        shown = transformed[f'{component.name}_shown'].numpy()
        for row, (ids, was) in enumerate(
            zip(logs[component.candidates].to_pylist(), _shown_at(logs, component))
        ):
            assert lengths[row] == min(len(ids), limit)
            assert shown[row] == (limit - 1 if was >= limit else was)
            seen_beyond += was >= limit
    assert seen_beyond > 10


def test_same_id_has_the_same_row_and_the_shown_one_is_where_it_says(logs, transformed):
    rows_of = {}
    for component in SCHEMA.components:
        table = transformed[component.name].to_list()
        shown = transformed[f'{component.name}_shown'].numpy()
        for row, (ids, was) in enumerate(
            zip(logs[component.candidates].to_pylist(), _shown_at(logs, component))
        ):
            if was >= 0:
                key = (component.name, ids[was])
                assert rows_of.setdefault(key, table[row][shown[row]]) == table[row][shown[row]]
    assert len(rows_of) > 40


def test_hash_tables_are_powers_of_two_above_the_distinct_count(logs, tables):
    distinct_users = len(set(logs['user_id'].to_pylist()))
    wanted = distinct_users * CONFIG.transform.load_factor
    assert tables.ids['user_id'] == 2 ** int(np.ceil(np.log2(wanted)))


def test_frequently_shown_elements_have_rows_of_their_own(logs, transformed, transform_output, tables):
    shown, ids_of_rows = [], {}
    for component in SCHEMA.components:
        for ids, k, rows in zip(
            logs[component.candidates].to_pylist(),
            _shown_at(logs, component),
            transformed[component.name].to_list(),
        ):
            if k >= 0:
                shown.append(f'{component.name}\t{ids[k]}')
            if len(ids) <= SCHEMA.max_candidates:
                for id_, row in zip(ids, rows, strict=True):
                    ids_of_rows.setdefault((component.name, row), set()).add(f'{component.name}\t{id_}')
    threshold = CONFIG.transform.frequent_threshold
    frequent = {id_ for id_ in shown if shown.count(id_) >= threshold}
    own = [label.decode() for label in frequent_elements(transform_output)]
    assert set(own) == frequent and 10 < len(frequent) == tables.frequent
    for (component, row), found in ids_of_rows.items():
        if row < 0:
            assert found == {own[-1 - row]}
        else:
            assert not found & frequent and row < tables.components[component]


def test_subwords_are_counted_per_candidate_and_equal_texts_have_equal_ones(logs, transformed):
    counts = transformed['title_subword_counts'].to_list()
    rows = transformed['title_subwords'].to_list()
    for row, texts in zip(counts, logs['title_text'].to_pylist(), strict=True):
        assert len(row) == min(len(texts), SCHEMA.max_candidates)
        assert set(row) <= {len(terms) for terms in subwords(tf.constant(texts)).to_list()}
    assert [len(row) for row in rows] == [sum(row) for row in counts]
    first_ad = [row for row, ad in enumerate(logs['ad_id'].to_pylist()) if ad == 'ad0']
    assert len({tuple(rows[row]) for row in first_ad}) == 1


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
