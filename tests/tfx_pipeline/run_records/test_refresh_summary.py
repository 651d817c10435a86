"""The table at the end of a refresh, from hand-made records."""

import io
import json
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2
from rich.console import Console

from tests.tfx_pipeline.examples import config_for
from tfx_pipeline.run_records.metadata_store import StepRecord
from tfx_pipeline.run_records.refresh_summary import RefreshSummary, summarise_refresh, to_refresh_table

COUNTS = {'before': 1000, 'after': 1200, 'new': 203, 'changed': 7, 'gone': 3}
LIFT = {'value': 0.05, 'low': 0.04, 'high': 0.06, 'problem': None}
CATALOGUE = {
    'bad_elements': 0,
    'components': {'image': {'elements': 1200, 'texts': 0, 'attributes': 1200, 'vectors': 0}},
    'impressions': 1.0,
    'missing': {},
}


def _artifact(uri: Path, **properties: int | str) -> metadata_store_pb2.Artifact:
    artifact = metadata_store_pb2.Artifact(uri=str(uri))
    for name, value in properties.items():
        kind = 'int_value' if isinstance(value, int) else 'string_value'
        setattr(artifact.custom_properties[name], kind, value)
    return artifact


def _summary(folder: Path, differences: int, blessed: bool = True) -> RefreshSummary:
    (folder / 'report.json').write_text(json.dumps(CATALOGUE))
    evaluation = {
        'rows': 1234,
        'config': {'blessing_policy': 'two_stage', 'confidence': 0.9},
        'policies': {'two_stage': {'overall': {'lift_over_uniform': LIFT}}},
        'problems': [],
        'verdict': {
            'blessed': blessed,
            'forced': None,
            'reasons': [{'passed': blessed, 'sentence': 'it is so'}],
        },
    }
    (folder / 'evaluation.json').write_text(json.dumps(evaluation))
    model = _artifact(Path('/models/9'), **COUNTS, differences=differences)
    outputs = {
        'CatalogueGen': {'catalogue': _artifact(folder)},
        'ModelRefresher': {'refreshed_model': model},
    }
    if differences:
        pushed = {'pushed': 1, 'pushed_destination': 'serving/18'} if blessed else {'pushed': 0}
        outputs['SctrEvaluator'] = {'evaluation': _artifact(folder)}
        outputs['AtomicPusher'] = {'pushed_model': _artifact(folder, **pushed)}
    records = {
        name: StepRecord(name, False, 2.0, {key: [value] for key, value in output.items()})
        for name, output in outputs.items()
    }
    return summarise_refresh(config_for(folder), ['2024-01-01', '2024-01-03'], records)


def _text(summary: RefreshSummary) -> str:
    output = io.StringIO()
    Console(file=output, width=200).print(to_refresh_table(summary))
    return output.getvalue()


def test_the_table_says_what_changed_and_what_was_pushed(tmp_path):
    text = _text(_summary(tmp_path, differences=213))
    for line in (
        '1,200 elements (0 with text, 1,200 with attributes, 0 with vector), 0 bad',
        '/models/9 (in 2 s)',
        '1,000 before, 1,200 now: 203 new, 7 changed, 3 gone',
        '2 from 2024-01-01 to 2024-01-03',
        'overall: +5.0 % (90 % interval +4.0 to +6.0)',
        'it is so',
        'serving/18',
    ):
        assert line in text, line


def test_a_refused_model_is_not_pushed(tmp_path):
    summary = _summary(tmp_path, differences=213, blessed=False)
    assert summary.blessed is False and summary.pushed_to is None
    assert 'nothing: the model is not blessed' in _text(summary)


def test_a_known_catalogue_is_neither_evaluated_nor_pushed(tmp_path):
    summary = _summary(tmp_path, differences=0)
    assert (summary.evaluation, summary.report, summary.blessed, summary.pushed_to) == (None,) * 4
    text = _text(summary)
    assert 'nothing: the serving model knows this catalogue already' in text
    assert 'blessed' not in text


def test_the_summary_is_plain_json(tmp_path):
    values = json.loads(json.dumps(_summary(tmp_path, differences=213).to_json()))
    assert values['elements'] == COUNTS
    assert values['steps'][1] == {'name': 'ModelRefresher', 'cached': False, 'seconds': 2.0}
