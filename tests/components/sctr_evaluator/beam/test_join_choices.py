"""A file of choices through the pipeline and the verb."""

import json

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.sctr_evaluator.beam.evaluate import Evaluate, WriteJson
from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.rows.choice_file import ChoiceFile
from components.sctr_evaluator.rows.row_sources import read_records
from creative_logs.errors import InputError
from tests.components.sctr_evaluator.tiny_export import SCHEMA, write_records


def _write(path, **columns) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


def _greedy(logs, model) -> dict[str, list[int]]:
    """The model's own greedy choices, as the exported model gives them."""
    import tensorflow as tf

    from components.log_example_gen.encoding import encode
    from components.sctr_evaluator.rows.exported_model import ExportedModel

    rows = tf.constant(encode(logs))
    greedy = ExportedModel(model).score(rows, tf.zeros([len(logs)], tf.int64)).greedy
    return {'title': greedy[:, 0].tolist(), 'image': greedy[:, 1].tolist()}


def _ids(logs, component, choice):
    lists = logs[f'{component}_candidates'].to_pylist()
    return [ids[k] if k >= 0 else None for ids, k in zip(lists, choice)]


def _evaluate(folder, serialized, model, choices):
    half = len(serialized) // 2
    parts = (serialized[:half], serialized[half:])
    files = [write_records(folder / f'{i}.gz', part) for i, part in enumerate(parts)]
    config = EvaluationConfig(blessing_policy='greedy', bootstrap_replicates=50, choices=choices)
    path = folder / 'evaluation.json'
    with beam.Pipeline(runner='FnApiRunner') as pipeline:
        sources = pipeline | beam.Create(files)
        _ = sources | Evaluate(read_records, 2, model, None, SCHEMA, config) | WriteJson(str(path))
    return json.loads(path.read_text())


@pytest.mark.parametrize('by', ['index', 'id'])
def test_the_greedy_choices_in_a_file_have_the_figures_of_the_greedy_policy(
    tmp_path, logs, serialized, model, by
):
    greedy = _greedy(logs, model)
    columns = {f'{c}_choice': greedy[c] if by == 'index' else _ids(logs, c, greedy[c]) for c in greedy}
    order = np.random.default_rng(1).permutation(len(logs))
    table = pa.table({'request_id': logs['request_id'], **columns}).take(order)
    path = str(tmp_path / 'choices.parquet')
    pq.write_table(table, path, row_group_size=100)
    result = _evaluate(tmp_path, serialized, model, path)
    choices = result['choices']
    assert (choices['matched_rows'], choices['unmatched_rows'], choices['unused']) == (len(logs), 0, 0)
    for level in ('title', 'image', 'overall'):
        for figure in ('sctr', 'lift_over_uniform'):
            found, expected = choices['levels'][level][figure], result['policies']['greedy'][level][figure]
            assert found['value'] == pytest.approx(expected['value'])
            assert found['low'] == pytest.approx(expected['low'])
            assert found['bootstrap'] == pytest.approx(expected['bootstrap'])
        assert choices['levels'][level]['effective_sample_size'] == pytest.approx(
            result['policies']['greedy'][level]['effective_sample_size']
        )
    for estimator in ('replay', 'pi'):
        found = choices['combinations'][estimator]['rate']['value']
        assert found == pytest.approx(result['combinations']['greedy'][estimator]['rate']['value'])


def test_rows_without_a_choice_are_counted_and_named(tmp_path, logs, serialized, model):
    requests = logs['request_id'].to_pylist()
    path = _write(tmp_path / 'c.parquet', request_id=requests[:700] + ['other'], title_choice=[0] * 701)
    result = _evaluate(tmp_path, serialized, model, path)
    assert result['choices']['matched_rows'] == 700 and result['choices']['unused'] == 1
    assert list(result['choices']['levels']) == ['title', 'overall']
    (problem,) = result['problems']
    assert problem.startswith(f'200 of 900 rows have no choice in {path}, for example request r0-')


def test_a_file_of_other_requests_gives_no_figure_and_says_why(tmp_path, serialized, model):
    path = _write(tmp_path / 'c.parquet', request_id=['other'], title_choice=[0])
    result = _evaluate(tmp_path, serialized, model, path)
    sctr = result['choices']['levels']['title']['sctr']
    assert sctr['value'] is None and 'never chose what was shown' in sctr['problem']
    assert result['choices']['unmatched_rows'] == 900


@pytest.mark.parametrize(
    ('columns', 'message'),
    [
        ({'title_choice': [0]}, "needs a column 'request_id' of strings"),
        ({'request_id': [1], 'title_choice': [0]}, "needs a column 'request_id' of strings"),
        ({'request_id': ['a']}, 'needs a column <component>_choice'),
        ({'request_id': ['a'], 'title_choice': [0.5]}, "column 'title_choice' must hold indices"),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, columns, message):
    path = _write(tmp_path / 'c.parquet', **columns)
    with pytest.raises(InputError, match=message) as error:
        ChoiceFile.open(path)
    assert path in str(error.value) and '\n' not in str(error.value)


def test_a_file_that_is_not_parquet_is_refused(tmp_path):
    (tmp_path / 'c.parquet').write_text('request_id,title_choice')
    with pytest.raises(InputError, match='cannot be read as Parquet'):
        ChoiceFile.open(str(tmp_path / 'c.parquet'))


def test_a_component_that_the_model_has_not_is_refused(tmp_path):
    file = ChoiceFile.open(_write(tmp_path / 'c.parquet', request_id=['a'], titel_choice=[0]))
    with pytest.raises(
        InputError, match="'titel_choice' belongs to no component; the components are title, image"
    ):
        file.places(('title', 'image'))


def test_requests_must_be_there_once_and_have_an_id(tmp_path, serialized, model):
    twice = _write(tmp_path / 'c.parquet', request_id=['r0-1', 'r0-1'], title_choice=[0, 1])
    with pytest.raises(Exception, match='repeat the request id of another'):
        _evaluate(tmp_path, serialized, model, twice)
    none = ChoiceFile.open(_write(tmp_path / 'd.parquet', request_id=['r', None], title_choice=[0, 1]))
    with pytest.raises(InputError, match='rows without a value'):
        list(none.read())
