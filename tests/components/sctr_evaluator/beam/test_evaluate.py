"""The Beam pipeline against the same sums in memory."""

import json

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from components.log_example_gen.encoding import encode
from components.sctr_evaluator.beam.evaluate import Evaluate, WriteJson, in_parallel
from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.results.evaluation import evaluate
from components.sctr_evaluator.rows.exported_model import ExportedModel
from components.sctr_evaluator.rows.parsed_rows import RowParser
from components.sctr_evaluator.rows.row_sources import read_records
from components.sctr_evaluator.sums.batch_sums import measure
from creative_logs.errors import InputError
from tests.components.sctr_evaluator.scored import algorithm_1, summed
from tests.components.sctr_evaluator.tiny_export import SCHEMA, export, write_records

CONFIG = EvaluationConfig(
    blessing_policy='greedy', bootstrap_replicates=50, slices=('candidates', ('user_id', 'day'), 'ad_id')
)


def _evaluate(folder, parts, model, serving=None, config=CONFIG):
    files = [write_records(folder / f'{i}.gz', part) for i, part in enumerate(parts)]
    path = folder / 'evaluation.json'
    with beam.Pipeline(runner='FnApiRunner') as pipeline:
        _ = (
            pipeline
            | beam.Create(files)
            | Evaluate(read_records, len(files), model, serving, SCHEMA, config)
            | WriteJson(str(path))
        )
    return json.loads(path.read_text()) if path.exists() else None


def _in_memory(serialized, model, serving=None, config=CONFIG):
    rows = tf.constant(serialized)
    parsed = RowParser(SCHEMA, config.cluster, config.sliced_features())(rows)
    scored = ExportedModel(model).score(rows, parsed.seeds)
    other = ExportedModel(serving).score(rows, parsed.seeds) if serving else None
    measured = measure(scored, other, parsed.keys, parsed.labels, config)
    return scored, evaluate(summed([measured], config), config)


def _assert_close(left, right, path=''):
    if isinstance(left, dict):
        assert left.keys() == right.keys(), path
        for key in left:
            _assert_close(left[key], right[key], f'{path}/{key}')
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right), path
        for i, pair in enumerate(zip(left, right)):
            _assert_close(*pair, f'{path}/{i}')
    else:
        assert left == (pytest.approx(right, rel=1e-6, abs=1e-7) if isinstance(left, float) else right), path


@pytest.mark.parametrize('cluster', ['ad_id', 'user_id'])
def test_pipeline_equals_sums_in_memory(tmp_path, serialized, model, other_model, cluster):
    config = CONFIG.model_copy(update={'cluster': cluster})
    parts = [serialized[:5], serialized[5:600], [], serialized[600:]]
    found = _evaluate(tmp_path, parts, model, other_model, config)
    expected = json.loads(json.dumps(_in_memory(serialized, model, other_model, config)[1]))
    _assert_close(found, expected)


def test_figures_are_those_of_algorithm_1(tmp_path, serialized, logs, model):
    found = _evaluate(tmp_path, [serialized], model)
    scored = _in_memory(serialized, model)[0]
    for j, component in enumerate(('title', 'image')):
        click, exposure = algorithm_1(scored, scored.greedy, j, 2)
        assert found['policies']['greedy'][component]['sctr']['value'] == pytest.approx(click / exposure)
    assert found['rows'] == len(serialized)
    assert found['clicks'] == sum(logs['click'].to_pylist())
    assert found['first_timestamp'] == logs['timestamp'][0].as_py()
    assert found['last_timestamp'] == logs['timestamp'][len(logs) - 1].as_py()
    assert found['attention'] == {'title': pytest.approx(0.25), 'image': pytest.approx(0.75)}


def test_the_model_that_knows_what_is_clicked_is_blessed_and_beats_the_other(
    tmp_path, serialized, model, other_model
):
    found = _evaluate(tmp_path, [serialized], model, other_model)
    assert found['verdict']['blessed']
    assert found['policies']['greedy']['overall']['lift_over_serving']['low'] > 0
    (tmp_path / 'evaluation.json').unlink()
    swapped = _evaluate(tmp_path, [serialized], other_model, model)
    assert not swapped['verdict']['blessed']
    assert swapped['policies']['greedy']['overall']['lift_over_serving']['high'] < 0
    ours = found['policies']['greedy']['title']['sctr']
    _assert_close(swapped['serving']['greedy']['title']['sctr'], ours)


def test_a_model_has_no_lift_over_itself(tmp_path, serialized, model):
    found = _evaluate(tmp_path, [serialized], model, model)
    for policy in found['policies'].values():
        for level in policy.values():
            estimate = level['lift_over_serving']
            assert estimate['value'] == 0
            np.testing.assert_allclose([estimate['low'], estimate['high']], 0, atol=1e-6)


def test_a_model_that_gives_no_numbers_has_no_figures_and_fails(tmp_path, serialized):
    found = _evaluate(tmp_path, [serialized], export(tmp_path / 'nan', ctr=float('nan')))
    assert found['rows'] == 0 and found['faults']['scores'] == len(serialized)
    assert found['problems'][0] == '900 of 900 rows left out for which the model gives no finite number'
    assert not found['verdict']['blessed']
    assert 'the model gives no finite number for 900 rows: failed' in [
        reason['sentence'] for reason in found['verdict']['reasons']
    ]
    assert found['policies']['greedy']['overall']['sctr']['value'] is None


def test_rows_that_the_serving_model_cannot_score_are_left_out_and_named(tmp_path, serialized, model):
    found = _evaluate(tmp_path, [serialized], model, export(tmp_path / 'nan', ctr=float('nan')))
    assert found['rows'] == 0 and found['faults']['scores'] == 0
    assert 'the serving model gives no finite number' in found['problems'][0]


def test_a_log_that_is_not_uniform_is_said_to_be_so_first(tmp_path, logs, model):
    title = np.where(np.arange(len(logs)) % 2 == 0, 0, logs['title_shown'].to_numpy())
    column = logs.schema.get_field_index('title_shown')
    skewed = logs.set_column(column, 'title_shown', pa.array(title, pa.int64()))
    found = _evaluate(tmp_path, [encode(skewed)], model)
    assert found['uniformity']['suspicious'] == ['title']
    assert found['problems'][0].startswith('THE LOG IS NOT WHAT IT CLAIMS')
    assert found['uniformity']['components']['image']['p_value'] > 0.001


def test_nothing_is_written_without_rows(tmp_path, model):
    assert _evaluate(tmp_path, [[]], model) is None


def test_many_clusters_are_given_out_in_pieces(tmp_path, serialized, model, monkeypatch):
    whole = _evaluate(tmp_path, [serialized], model)
    (tmp_path / 'evaluation.json').unlink()
    monkeypatch.setattr('components.sctr_evaluator.beam.shard_buffers._MOST_CLUSTERS', 10)
    monkeypatch.setattr('components.sctr_evaluator.rows.row_sources.BATCH_ROWS', 64)
    _assert_close(_evaluate(tmp_path, [serialized], model), whole)


def test_a_damaged_file_is_named(tmp_path):
    path = write_records(tmp_path / 'damaged.gz', [np.random.default_rng(1).bytes(1 << 16)] * 2)
    data = (tmp_path / 'damaged.gz').read_bytes()
    (tmp_path / 'damaged.gz').write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match='damaged.gz'):
        list(read_records(path))


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match='no exported model'):
        ExportedModel(str(tmp_path))


def test_a_model_of_another_kind_is_refused(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / 'module'))
    with pytest.raises(InputError, match='score_examples'):
        ExportedModel(str(tmp_path / 'module'))


def test_parallel_calls_keep_their_order_and_read_few_items_ahead():
    read = 0

    def items():
        nonlocal read
        for read in range(1, 101):
            yield read

    results = in_parallel(lambda item: item * 10, items())
    assert next(results) == 10 and read < 10
    assert list(results) == [item * 10 for item in range(2, 101)]


def test_errors_of_parallel_calls_are_raised():
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda item: 1 / item, [1, 0, 2]))
