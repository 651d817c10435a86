"""The table at the end of a run, from hand-made records."""

import io
import json
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2
from rich.console import Console

from tests.tfx_pipeline.examples import config_for
from tfx_pipeline.run_records.metadata_store import StepRecord
from tfx_pipeline.run_records.run_summary import RunSummary, shown_path, summarise, to_table

LIFTS = {
    'title': {'value': 0.081, 'low': 0.069, 'high': 0.093, 'problem': None},
    'image': {'value': None, 'low': None, 'high': None, 'problem': 'no row matched'},
    'overall': {'value': 0.05, 'low': None, 'high': None, 'problem': 'only one cluster'},
}


CATALOGUE = {
    'elements': 1300,
    'bad_elements': 2,
    'components': {
        'title': {'elements': 1000, 'texts': 999, 'attributes': 0, 'vectors': 500},
        'image': {'elements': 200, 'texts': 1, 'attributes': 150, 'vectors': 0},
    },
    'unused': {'video': 100},
    'impressions': 4000.0,
    'missing': {
        'title': {'ids': 1200, 'impressions': 1000.0, 'examples': ['t1']},
        'image': {'ids': 0, 'impressions': 0.0, 'examples': []},
    },
}


def _artifact(uri: Path, **properties: int | str) -> metadata_store_pb2.Artifact:
    artifact = metadata_store_pb2.Artifact(uri=str(uri))
    for name, value in properties.items():
        kind = 'int_value' if isinstance(value, int) else 'string_value'
        setattr(artifact.custom_properties[name], kind, value)
    return artifact


def _summary(folder: Path, blessed: bool, catalogue: dict | None = None) -> RunSummary:
    evaluation = {
        'rows': 1234,
        'config': {'blessing_policy': 'two_stage', 'confidence': 0.9},
        'policies': {'two_stage': {level: {'lift_over_uniform': lift} for level, lift in LIFTS.items()}},
        'problems': [],
        'verdict': {
            'blessed': blessed,
            'forced': None,
            'reasons': [{'passed': blessed, 'sentence': 'because it is so'}],
        },
    }
    (folder / 'evaluated').mkdir()
    (folder / 'evaluated' / 'evaluation.json').write_text(json.dumps(evaluation))
    pushed = {'pushed': 1, 'pushed_destination': 'serving/17'} if blessed else {'pushed': 0}
    outputs = {
        'LogExampleGen': {'examples': _artifact(folder, rows=5000, bad_rows=3)},
        'Trainer': {'model': _artifact(Path('/models/4'))},
        'SctrEvaluator': {'evaluation': _artifact(folder / 'evaluated')},
        'AtomicPusher': {'pushed_model': _artifact(folder, **pushed)},
    }
    if catalogue is not None:
        (folder / 'catalogue').mkdir()
        (folder / 'catalogue' / 'report.json').write_text(json.dumps(catalogue))
        outputs['CatalogueGen'] = {'catalogue': _artifact(folder / 'catalogue')}
    records = {
        name: StepRecord(name, name == 'LogExampleGen', 12.0, {key: [value] for key, value in output.items()})
        for name, output in outputs.items()
    }
    return summarise(config_for(folder), ['2024-01-01', '2024-01-03'], records)


def _text(summary: RunSummary) -> str:
    output = io.StringIO()
    Console(file=output, width=200).print(to_table(summary))
    return output.getvalue()


@pytest.mark.parametrize(
    'line',
    [
        '2 from 2024-01-01 to 2024-01-03',
        '5,000 rows on the newest day, 3 quarantined',
        '/models/4 (in 12 s)',
        '1,234 rows of uniform traffic',
        'title: +8.1 % (90 % interval +6.9 to +9.3)',
        'image: unknown, as no row matched',
        'overall: +5.0 %, no interval, as only one cluster',
        'because it is so',
        'evaluated/report.html',
        'serving/17',
    ],
)
def test_the_table_says_what_happened(tmp_path, line):
    assert line in _text(_summary(tmp_path, blessed=True))


def test_the_table_says_what_the_catalogue_holds_and_lacks(tmp_path):
    text = _text(_summary(tmp_path, blessed=True, catalogue=CATALOGUE))
    assert (
        '1,200 elements (1,000 with text, 150 with attributes, 500 with vector), 2 bad' in text
        and 'candidates it lacks: title 1,200 (25.0 % of impressions) ' in text
    )


def test_the_table_does_not_speak_of_what_a_catalogue_does_not_lack(tmp_path):
    missing = {'title': {'ids': 0, 'impressions': 0.0, 'examples': []}}
    text = _text(_summary(tmp_path, blessed=True, catalogue=CATALOGUE | {'missing': missing}))
    assert '1,200 elements' in text and 'lacks' not in text
    (tmp_path / 'without').mkdir()
    assert 'catalogue' not in _text(_summary(tmp_path / 'without', blessed=True))


def test_a_model_that_is_not_blessed_is_not_pushed(tmp_path):
    summary = _summary(tmp_path, blessed=False)
    assert summary.pushed_to is None
    assert 'nothing: the model is not blessed' in _text(summary)


def test_a_forced_blessing_and_a_problem_are_seen(tmp_path):
    summary = _summary(tmp_path, blessed=True)
    summary.evaluation['verdict']['forced'] = 'roll-back'
    summary.evaluation['problems'].append('THE LOG IS NOT WHAT IT CLAIMS')
    assert 'forced: roll-back' in _text(summary) and 'WARNING: THE LOG IS NOT' in _text(summary)


def test_the_summary_is_plain_json(tmp_path):
    summary = _summary(tmp_path, blessed=True, catalogue=CATALOGUE)
    values = json.loads(json.dumps(summary.to_json()))
    assert values['pushed_to'] == 'serving/17'
    assert values['catalogue'] == CATALOGUE
    assert values['steps'][0] == {'name': 'LogExampleGen', 'cached': True, 'seconds': 12.0}


def test_paths_below_the_working_directory_are_shown_relative_to_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shown_path(tmp_path / 'build' / 'model') == 'build/model'
    assert shown_path('build/model') == 'build/model'
    assert shown_path(tmp_path.parent / 'other') == str(tmp_path.parent / 'other')
    assert shown_path(Path('/elsewhere')) == '/elsewhere'
