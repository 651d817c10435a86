"""Distance between train and test days, and how the features are read."""

import json

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from components.log_example_gen.encoding import encode
from components.sctr_evaluator.beam.train_test_skew import Skew, feature_hashes
from components.sctr_evaluator.estimators.feature_skew import BUCKETS, FeatureCounts, skew
from components.sctr_evaluator.rows.row_sources import read_records
from creative_logs.schema import ContextFeature
from tests.components.sctr_evaluator.tiny_export import SCHEMA, make_logs, write_records


def _counts(hashes, rows=1):
    return FeatureCounts.of({'f': np.asarray(hashes)}, rows)


@given(st.integers(0, 2**32), st.integers(2, 30))
@settings(max_examples=30, deadline=None)
def test_distance_is_the_jensen_shannon_divergence(seed, values):
    rng = np.random.default_rng(seed)
    train, test = rng.integers(0, values, 200), rng.integers(0, values, 300)
    (row,) = skew(_counts(train), _counts(test))
    p, q = (np.bincount(found, minlength=BUCKETS) for found in (train, test))
    assert row['distance'] == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-9)


def test_distance_is_zero_of_equals_and_one_with_nothing_in_common():
    same, apart = [1, 1, 2], [3, 4]
    assert skew(_counts(same), _counts(same * 2))[0]['distance'] == pytest.approx(0, abs=1e-12)
    assert skew(_counts(same), _counts(apart))[0]['distance'] == pytest.approx(1)


def test_by_chance_is_the_mean_distance_of_one_distribution():
    rng = np.random.default_rng(1)
    found = [
        skew(_counts(rng.integers(0, 20, 400)), _counts(rng.integers(0, 20, 600)))[0] for _ in range(300)
    ]
    assert np.mean([row['distance'] for row in found]) == pytest.approx(found[0]['by_chance'], rel=0.05)


def test_counts_merge_and_features_of_one_side_are_left_out():
    left = FeatureCounts.of({'f': np.array([1, 2]), 'g': np.array([3])}, 2)
    merged = FeatureCounts.merged([left, _counts([2, 2])])
    assert merged.rows == 3
    np.testing.assert_array_equal(merged.buckets['f'][:3], [0, 1, 3])
    assert [row['feature'] for row in skew(merged, _counts([5]))] == ['f']


def test_context_and_candidates_are_compared_choices_and_clicks_are_not():
    rows = tf.constant(encode(make_logs(50)))
    hashes = feature_hashes(rows, SCHEMA)
    assert set(hashes) == {'ad_id', 'user_id', 'title_candidates', 'image_candidates'}
    assert len(hashes['ad_id']) == 50 and len(hashes['title_candidates']) > 100
    assert len(hashes['user_id']) == 50, 'a missing value counts as one'


def test_numbers_within_a_quarter_octave_are_one_value():
    def example(value):
        feature = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        return tf.train.Example(features=tf.train.Features(feature={'x': feature})).SerializeToString()

    rows = tf.constant([example(v) for v in (1.0, 1.1, 1.3, -1.0, 0.0)])
    context = (*SCHEMA.context, ContextFeature(name='x', type='float'))
    hashes = feature_hashes(rows, SCHEMA.model_copy(update={'context': context}))['x']
    assert hashes[0] == hashes[1] and len(set(hashes)) == 4


def _through_beam(folder, train, test, rows=10_000):
    files = {
        name: [write_records(folder / f'{name}{i}.gz', part) for i, part in enumerate(parts)]
        for name, parts in {'train': train, 'test': test}.items()
    }
    found = folder / 'skew'
    with beam.Pipeline(runner='FnApiRunner') as pipeline:
        sources = pipeline | beam.Create(files['test'])
        _ = (
            sources
            | Skew(read_records, SCHEMA, files['train'], len(files['test']), rows)
            | beam.Map(json.dumps)
            | beam.io.WriteToText(str(found), shard_name_template='')
        )
    return json.loads(found.read_text()) if found.read_text() else None


def test_a_feature_that_changed_comes_first(tmp_path):
    logs = make_logs(600)
    moved = logs.set_column(
        logs.schema.get_field_index('user_id'), 'user_id', pa.array(np.arange(600) + 1000, pa.int64())
    )
    found = _through_beam(tmp_path, [encode(logs), encode(make_logs(600, seed=1))], [encode(moved)])
    first, *others = found
    assert first['feature'] == 'user_id' and first['distance'] > 0.8
    assert (first['train_rows'], first['test_rows']) == (1200, 600)
    assert all(row['distance'] < 0.1 for row in others)


def test_only_so_many_rows_are_read(tmp_path):
    rows = encode(make_logs(500))
    found = _through_beam(tmp_path, [rows] * 30, [rows], rows=200)
    assert found[0]['test_rows'] == 200
    assert found[0]['train_rows'] == 200, 'ten rows of each of twenty of the thirty files'


def test_no_row_of_one_split_is_no_comparison(tmp_path):
    assert _through_beam(tmp_path, [[]], [encode(make_logs(5))]) is None
