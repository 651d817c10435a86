"""What a refresh needs of earlier runs, in real metadata stores."""

from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2

from components.log_example_gen.component import span_of
from creative_logs.errors import InputError
from tests.creative_logs.examples import good_row, write_logs
from tests.tfx_pipeline.examples import config_for, with_catalogue
from tfx_pipeline.config import Config
from tfx_pipeline.run_records.earlier_runs import days_to_refresh
from tfx_pipeline.run_records.metadata_store import open_store

DAYS = ['2023-12-31', '2024-01-01', '2024-01-03']


def _logged(folder: Path, days: list[str] = DAYS, **changes) -> Config:
    write_logs(folder / 'logs', [good_row()], days=days)
    (folder / 'catalogue.parquet').touch()
    (folder / 'root').mkdir()
    (folder / 'serving' / '1').mkdir(parents=True)
    return with_catalogue(folder, **changes)


def _record(config: Config, days: list[str], pushed: tuple[int, ...] = (1,), pipeline: str = 'small') -> None:
    """Records, as a run would, what was ingested and pushed."""
    store = open_store(Path(config.paths.root))
    types = {
        name: store.put_artifact_type(metadata_store_pb2.ArtifactType(name=name))
        for name in ('Examples', 'PushedModel')
    }
    artifacts = [_artifact(types['Examples'], span=span_of(day), rows=10, bad_rows=0) for day in days]
    artifacts.append(_artifact(types['Examples']))  # Transform's
    for value in pushed:
        artifact = _artifact(types['PushedModel'], pushed=value)
        artifact.custom_properties['pushed_destination'].string_value = f'{config.paths.serving}/1'
        artifacts.append(artifact)
    type_id = store.put_context_type(metadata_store_pb2.ContextType(name='pipeline'))
    (context,) = store.put_contexts([metadata_store_pb2.Context(type_id=type_id, name=pipeline)])
    attributions = [
        metadata_store_pb2.Attribution(artifact_id=id_, context_id=context)
        for id_ in store.put_artifacts(artifacts)
    ]
    store.put_attributions_and_associations(attributions, [])


def _artifact(type_id: int, **properties: int) -> metadata_store_pb2.Artifact:
    artifact = metadata_store_pb2.Artifact(type_id=type_id)
    for name, value in properties.items():
        artifact.custom_properties[name].int_value = value
    return artifact


def test_the_window_ends_at_the_newest_day_that_was_ingested(tmp_path):
    config = _logged(tmp_path, window={'days': 2})
    _record(config, DAYS[:2], pushed=(0, 1, 0))
    assert days_to_refresh(config) == DAYS[:2]
    assert days_to_refresh(config, DAYS[0]) == DAYS[:1]


def test_days_whose_logs_were_removed_do_not_count(tmp_path):
    config = _logged(tmp_path, DAYS[:2])
    _record(config, DAYS)
    assert days_to_refresh(config) == DAYS[:2]


def test_days_that_were_not_ingested_are_named(tmp_path):
    config = _logged(tmp_path)
    _record(config, [DAYS[0]])
    with pytest.raises(
        InputError, match=f'logs: 2 day.s. .* up to {DAYS[2]} .* such as {DAYS[1]}; run genco run'
    ):
        days_to_refresh(config, DAYS[2])


@pytest.mark.parametrize(('pushed', 'rolled_back'), [((), False), ((0, 0), False), ((1,), True)])
def test_there_must_be_a_pushed_model(tmp_path, pushed, rolled_back):
    config = _logged(tmp_path)
    _record(config, DAYS, pushed)
    if rolled_back:
        (tmp_path / 'serving' / '1').rmdir()
    with pytest.raises(InputError, match="serving: holds no model of 'small'; run genco run first"):
        days_to_refresh(config)


def test_there_must_be_a_run_of_this_pipeline(tmp_path):
    config = _logged(tmp_path)
    with pytest.raises(InputError, match="root: no run of the pipeline 'small' yet; run genco run first"):
        days_to_refresh(config)
    assert not list((tmp_path / 'root').iterdir())
    _record(config, DAYS, pipeline='other')
    with pytest.raises(InputError, match="root: no run of the pipeline 'small' yet"):
        days_to_refresh(config)


def test_there_must_be_a_catalogue(tmp_path):
    with pytest.raises(InputError, match='paths.catalogue is missing: genco refresh folds'):
        days_to_refresh(config_for(tmp_path))
