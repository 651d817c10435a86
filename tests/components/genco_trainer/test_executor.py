"""What a run_fn is given, with a catalogue and without one."""

import json
from pathlib import Path

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import Channel, standard_artifacts
from tfx.utils import io_utils

from components.catalogue_gen.artifacts import ElementCatalogue
from components.genco_trainer.component import GencoTrainer

RUN_FN = 'tests.components.genco_trainer.recording.run_fn'
CONFIG = {'genco': {'preset': 'tuned'}, 'holdout_days': 2}


def _artifact(type_, folder: Path):
    artifact = type_()
    artifact.uri = str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return artifact


def _given(folder: Path, catalogue: ElementCatalogue | None) -> dict:
    """Runs the executor with the properties of the component, and returns what the run_fn saw."""
    component = GencoTrainer(
        run_fn=RUN_FN,
        examples=Channel(type=standard_artifacts.Examples),
        transform_graph=Channel(type=standard_artifacts.TransformGraph),
        schema=Channel(type=standard_artifacts.Schema),
        custom_config=CONFIG,
        catalogue=Channel(type=ElementCatalogue) if catalogue else None,
    )
    assert set(component.inputs) == {'examples', 'transform_graph', 'schema'} | (
        {'catalogue'} if catalogue else set()
    )
    examples = _artifact(standard_artifacts.Examples, folder / 'examples')
    examples.split_names = '["train", "test"]'
    schema = _artifact(standard_artifacts.Schema, folder / 'schema')
    io_utils.write_pbtxt_file(str(folder / 'schema' / 'schema.pbtxt'), schema_pb2.Schema())
    inputs = {
        'examples': [examples],
        'transform_graph': [_artifact(standard_artifacts.TransformGraph, folder / 'graph')],
        'schema': [schema],
    }
    if catalogue:
        inputs['catalogue'] = [catalogue]
    outputs = {
        'model': [_artifact(standard_artifacts.Model, folder / 'model')],
        'model_run': [_artifact(standard_artifacts.ModelRun, folder / 'model_run')],
    }
    component.executor_spec.executor_class().Do(inputs, outputs, component.exec_properties)
    return json.loads((folder / 'model' / 'Format-Serving' / 'given.json').read_text())


def test_the_run_fn_is_told_where_the_catalogue_is(tmp_path):
    catalogue = _artifact(ElementCatalogue, tmp_path / 'catalogue')
    (tmp_path / 'catalogue' / 'catalogue.parquet').touch()
    given = _given(tmp_path, catalogue)
    assert given['custom_config'] == CONFIG | {'catalogue': str(tmp_path / 'catalogue')}
    assert given['listed'] == ['catalogue.parquet']
    assert given['train_files'] == [f'{tmp_path}/examples/Split-train/*']
    assert given['eval_files'] == [f'{tmp_path}/examples/Split-test/*']
    assert given['transform_output'] == f'{tmp_path}/graph'


def test_without_a_catalogue_the_run_fn_is_given_what_tfx_gives_it(tmp_path):
    given = _given(tmp_path, None)
    assert given['custom_config'] == CONFIG and given['listed'] is None


def test_a_catalogue_in_an_object_store_is_copied(tmp_path, monkeypatch):
    def copy_dir(source: str, target: str) -> None:
        assert source == 'memory://bucket/catalogue'
        Path(target).mkdir()
        Path(target, 'catalogue.parquet').touch()

    monkeypatch.setattr(io_utils, 'copy_dir', copy_dir)
    catalogue = ElementCatalogue()
    catalogue.uri = 'memory://bucket/catalogue'
    given = _given(tmp_path, catalogue)
    folder = given['custom_config']['catalogue']
    assert given['listed'] == ['catalogue.parquet'] and '://' not in folder
    assert not Path(folder).exists()
