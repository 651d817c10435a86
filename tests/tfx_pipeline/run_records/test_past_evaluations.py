"""The history of a report, from ML Metadata in memory."""

import json
from pathlib import Path

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2 as pb

from tests.components.sctr_evaluator.report.helpers import random_result
from tfx_pipeline.run_records.metadata_store import StepRecord
from tfx_pipeline.run_records.past_evaluations import write_report

OTHERS = {
    'StatisticsGen': ('statistics', 'ExampleStatistics'),
    'LogValidator': ('anomalies', 'ExampleAnomalies'),
    'LogSchemaGen': ('schema', 'Schema'),
}


class _Pipelines:
    """Evaluations as TFX records them."""

    def __init__(self, root: Path):
        self.root = root
        self.store = mlmd.MetadataStore(pb.ConnectionConfig(fake_database=pb.FakeDatabaseConfig()))
        self._execution = self.store.put_execution_type(pb.ExecutionType(name='SctrEvaluator'))
        self._context = self.store.put_context_type(pb.ContextType(name='pipeline'))

    def artifact(self, kind: str, folder: str) -> pb.Artifact:
        uri = self.root / folder
        uri.mkdir(parents=True)
        type_id = self.store.put_artifact_type(pb.ArtifactType(name=kind))
        (number,) = self.store.put_artifacts([pb.Artifact(type_id=type_id, uri=str(uri))])
        return self.store.get_artifacts_by_id([number])[0]

    def evaluation(self, pipeline: str, model: str, day: int, *other_keys: str) -> pb.Artifact:
        folder = f'{pipeline}/evaluation/{model}'
        evaluation = self.artifact('genco.SctrEvaluation', folder)
        result = random_result() | {'last_timestamp': day * 86_400_000}
        (self.root / folder / 'evaluation.json').write_text(json.dumps(result))
        used = self.artifact('Model', f'{pipeline}/model/{model}')
        baseline = self.artifact('Model', f'{pipeline}/serving/{model}-now')
        events = [
            (self._event(*other_keys, 'model', kind=pb.Event.INPUT), used),
            (self._event('baseline_model', kind=pb.Event.INPUT), baseline),
            (self._event('evaluation', kind=pb.Event.OUTPUT), evaluation),
        ]
        self.store.put_execution(
            pb.Execution(type_id=self._execution),
            [(artifact, event) for event, artifact in events],
            [pb.Context(type_id=self._context, name=pipeline)],
            reuse_context_if_already_exist=True,
        )
        return evaluation

    @staticmethod
    def _event(*keys: str, kind: int) -> pb.Event:
        steps = [step for key in keys for step in (pb.Event.Path.Step(key=key), pb.Event.Path.Step(index=0))]
        return pb.Event(type=kind, path=pb.Event.Path(steps=steps))


def _records(pipelines: _Pipelines, evaluation: pb.Artifact) -> dict[str, StepRecord]:
    outputs = {'SctrEvaluator': {'evaluation': [evaluation]}}
    for step, (key, kind) in OTHERS.items():
        outputs[step] = {key: [pipelines.artifact(kind, f'demo/{step}/{evaluation.id}')]}
    return {name: StepRecord(name, False, 1.0, output) for name, output in outputs.items()}


@pytest.fixture
def pipelines(tmp_path):
    return _Pipelines(tmp_path)


def _history(page: str) -> str:
    return page[page.index('Past models') :]


def test_the_report_of_a_run_has_earlier_evaluations_of_its_pipeline_alone(pipelines):
    first = pipelines.evaluation('demo', '4', 1)
    lost = pipelines.evaluation('demo', '5', 2)
    Path(lost.uri, 'evaluation.json').unlink()
    pipelines.evaluation('other', '6', 3)
    newest = pipelines.evaluation('demo', '9', 4)

    write_report(pipelines.store, 'demo', _records(pipelines, newest))
    history = _history(Path(newest.uri, 'report.html').read_text())
    assert history.index('9, 1970-01-05') < history.index('4, 1970-01-02')
    assert '5, 1970' not in history and '6, 1970' not in history

    # Run again for the older day: what came later is none of its past.
    write_report(pipelines.store, 'demo', _records(pipelines, first))
    history = _history(Path(first.uri, 'report.html').read_text())
    assert '4, 1970-01-02' in history and '9, 1970' not in history


def test_the_links_lead_to_the_artifacts_from_where_the_report_is(pipelines):
    newest = pipelines.evaluation('demo', '9', 4)
    records = _records(pipelines, newest)
    write_report(pipelines.store, 'demo', records)
    page = Path(newest.uri, 'report.html').read_text()
    for step, (key, _) in OTHERS.items():
        relative = f'../../{step}/{newest.id}'
        assert f'href="{relative}"' in page
        assert Path(newest.uri, relative).resolve() == Path(records[step].output(key).uri)
    assert str(pipelines.root) not in page


def test_the_report_of_a_refresh_has_the_same_history_and_no_links_to_steps_that_it_lacks(pipelines):
    pipelines.evaluation('demo', '4', 1)
    refreshed = pipelines.evaluation('demo', '9', 4, '_ModelRefresher.refreshed_model')
    records = _records(pipelines, refreshed)
    write_report(pipelines.store, 'demo', {'SctrEvaluator': records['SctrEvaluator']})
    page = Path(refreshed.uri, 'report.html').read_text()
    assert _history(page).index('9, 1970-01-05') < _history(page).index('4, 1970-01-02')
    assert not any(step in page for step in OTHERS)


def test_the_report_keeps_the_section_on_the_catalogue(pipelines):
    newest = pipelines.evaluation('demo', '9', 4)
    records = _records(pipelines, newest)
    write_report(pipelines.store, 'demo', records)
    assert 'Element catalogue' not in Path(newest.uri, 'report.html').read_text()
    catalogue = pipelines.artifact('genco.ElementCatalogue', 'demo/catalogue')
    counts = {'elements': 4321, 'texts': 0, 'attributes': 0, 'vectors': 0}
    figures = {
        'elements': 4321,
        'bad_elements': 0,
        'rules': [],
        'components': {'image': counts},
        'unused': {},
        'impressions': 10.0,
        'missing': {'image': {'ids': 0, 'impressions': 0.0, 'examples': []}},
    }
    Path(catalogue.uri, 'report.json').write_text(json.dumps(figures))
    records['CatalogueGen'] = StepRecord('CatalogueGen', False, 1.0, {'catalogue': [catalogue]})
    write_report(pipelines.store, 'demo', records)
    page = Path(newest.uri, 'report.html').read_text()
    assert '4,321' in page.partition('Element catalogue')[2]
