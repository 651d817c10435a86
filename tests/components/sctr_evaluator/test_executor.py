"""The TFX component: its artifacts, its window, its compilation for Kubeflow."""

import json
import shutil
from pathlib import Path

import pytest
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from components.catalogue_gen.artifacts import ElementCatalogue
from components.log_example_gen.encoding import encode
from components.sctr_evaluator.artifacts import SctrEvaluation
from components.sctr_evaluator.component import SctrEvaluator
from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.executor import Executor
from creative_logs.errors import InputError
from tests.components.sctr_evaluator.tiny_export import SCHEMA, make_logs, write_records

CONFIG = EvaluationConfig(blessing_policy='greedy').model_dump_json()
ROWS_PER_DAY = 400


def _examples(
    folder: Path, day: int, rows: int = ROWS_PER_DAY, train: int = 0
) -> standard_artifacts.Examples:
    for name, number in {'test': rows, 'train': train}.items():
        split = folder / f'day{day}' / f'Split-{name}'
        split.mkdir(parents=True)
        if number or name == 'test':
            write_records(split / 'data_tfrecord-0.gz', encode(make_logs(number, seed=day)))
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / f'day{day}')
    artifact.split_names = '["train", "test"]'
    artifact.set_int_custom_property('span', 19_000 + day)
    return artifact


def _model(folder: Path, saved: str, id_: int) -> standard_artifacts.Model:
    shutil.copytree(saved, folder / f'model{id_}' / 'Format-Serving')
    artifact = standard_artifacts.Model()
    artifact.uri, artifact.id = str(folder / f'model{id_}'), id_
    return artifact


def _catalogue(folder: Path) -> ElementCatalogue:
    figures = {
        'bad_elements': 0,
        'components': {'title': {'elements': 4321, 'texts': 0, 'attributes': 0, 'vectors': 0}},
        'unused': {},
        'impressions': 1.0,
        'missing': {'title': {'ids': 0, 'impressions': 0.0, 'examples': []}},
    }
    (folder / 'catalogue').mkdir()
    (folder / 'catalogue' / 'report.json').write_text(json.dumps(figures))
    artifact = ElementCatalogue()
    artifact.uri = str(folder / 'catalogue')
    return artifact


def _run(folder: Path, examples, model, baseline=None, holdout_days=0, config=CONFIG, catalogue=None):
    outputs = {'evaluation': [SctrEvaluation()], 'blessing': [standard_artifacts.ModelBlessing()]}
    for name, (artifact,) in outputs.items():
        artifact.uri = str(folder / name)
        Path(artifact.uri).mkdir()
    context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=['--runner=FnApiRunner'])
    inputs = {'examples': examples, 'model': [model]} | (
        {'baseline_model': baseline} if baseline is not None else {}
    )
    if catalogue is not None:
        inputs['catalogue'] = [catalogue]
    properties = {
        'evaluation_config': config,
        'log_schema': SCHEMA.model_dump_json(),
        'holdout_days': holdout_days,
    }
    Executor(context).Do(inputs, outputs, properties)
    return outputs['blessing'][0], json.loads((folder / 'evaluation' / 'evaluation.json').read_text())


def test_first_model_is_blessed_with_its_reasons(tmp_path, model):
    candidate = _model(tmp_path, model, 7)
    blessing, result = _run(
        tmp_path, [_examples(tmp_path, 1)], candidate, baseline=[], catalogue=_catalogue(tmp_path)
    )
    assert result['verdict']['blessed'] and result['serving'] is None
    assert [path.name for path in Path(blessing.uri).iterdir()] == ['BLESSED']
    assert blessing.get_int_custom_property('blessed') == 1
    assert blessing.get_string_custom_property('current_model') == candidate.uri
    assert blessing.get_int_custom_property('current_model_id') == 7
    assert not blessing.has_custom_property('baseline_model')
    assert 'lower bound above 0 %: passed' in blessing.get_string_custom_property('blessing_message')
    written = sorted(path.name for path in (tmp_path / 'evaluation').iterdir())
    assert [name for name in written if not name.endswith('.png')] == [
        'evaluation.json',
        'report.html',
        'summary.md',
    ]
    assert 'lift.png' in written
    page = (tmp_path / 'evaluation' / 'report.html').read_text()
    assert 'Blessed: the model may serve.' in page and '4,321' in page.partition('Element catalogue')[2]
    summary = (tmp_path / 'evaluation' / 'summary.md').read_text()
    assert '| overall |' in summary and 'The model is blessed.' in summary


def test_a_worse_model_is_not_blessed(tmp_path, model, other_model):
    candidate, serving = _model(tmp_path, other_model, 8), _model(tmp_path, model, 7)
    blessing, result = _run(tmp_path, [_examples(tmp_path, 1)], candidate, baseline=[serving])
    assert 'Element catalogue' not in (tmp_path / 'evaluation' / 'report.html').read_text()
    assert not result['verdict']['blessed']
    assert [path.name for path in Path(blessing.uri).iterdir()] == ['NOT_BLESSED']
    assert blessing.get_int_custom_property('blessed') == 0
    assert blessing.get_string_custom_property('baseline_model') == serving.uri
    assert blessing.get_int_custom_property('baseline_model_id') == 7
    assert 'over the serving model' in blessing.get_string_custom_property('blessing_message')


def test_a_forced_blessing_is_recorded_as_such(tmp_path, model, other_model):
    candidate, serving = _model(tmp_path, other_model, 8), _model(tmp_path, model, 7)
    config = EvaluationConfig(blessing_policy='greedy', force_blessing='roll-back').model_dump_json()
    blessing, result = _run(tmp_path, [_examples(tmp_path, 1)], candidate, [serving], config=config)
    assert result['verdict']['forced'] == 'roll-back' and not result['verdict']['passed']
    assert blessing.get_int_custom_property('blessed') == 1
    assert blessing.get_string_custom_property('forced_blessing') == 'roll-back'
    assert blessing.get_string_custom_property('blessing_message').startswith('forced: roll-back; ')
    assert (Path(blessing.uri) / 'BLESSED').is_file()


@pytest.mark.parametrize(('holdout_days', 'days'), [(0, 3), (1, 1), (2, 2), (9, 3)])
def test_only_the_newest_spans_are_read(tmp_path, model, holdout_days, days):
    examples = [_examples(tmp_path, day, rows=50 + day) for day in (2, 0, 1)]
    _, result = _run(tmp_path, examples, _model(tmp_path, model, 7), holdout_days=holdout_days)
    assert result['rows'] == sum(50 + day for day in (2, 1, 0)[:days])


@pytest.mark.parametrize(('holdout_days', 'train_rows'), [(1, 210), (0, 213)])
def test_the_test_days_are_compared_with_the_days_trained_on(tmp_path, model, holdout_days, train_rows):
    examples = [_examples(tmp_path, day, train=train) for day, train in ((0, 70), (1, 140), (2, 3))]
    _, result = _run(tmp_path, examples, _model(tmp_path, model, 7), holdout_days=holdout_days)
    assert {row['train_rows'] for row in result['skew']} == {train_rows}
    assert result['skew'][0]['test_rows'] == (400 if holdout_days else 1200)


def test_no_test_rows_is_an_error(tmp_path, model):
    with pytest.raises(InputError, match='test split has no row'):
        _run(tmp_path, [_examples(tmp_path, 1, rows=0)], _model(tmp_path, model, 7))


def test_compiles_for_kubeflow(tmp_path):
    examples = Importer('examples', standard_artifacts.Examples).with_id('Examples')
    model = Importer('model', standard_artifacts.Model).with_id('Model')
    component = SctrEvaluator(
        examples=examples.outputs['result'],
        model=model.outputs['result'],
        evaluation=CONFIG,
        log_schema=SCHEMA.model_dump_json(),
        holdout_days=1,
    )
    assert component.outputs['evaluation'].type is SctrEvaluation
    pipeline = Pipeline(
        pipeline_name='p', pipeline_root=str(tmp_path), components=[examples, model, component]
    )
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        config=kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image='image'),
        output_dir=str(tmp_path),
        output_filename='pipeline.json',
    )
    runner.run(pipeline)
    compiled = (tmp_path / 'pipeline.json').read_text()
    assert 'genco.SctrEvaluation' in compiled and 'components.sctr_evaluator.executor.Executor' in compiled
