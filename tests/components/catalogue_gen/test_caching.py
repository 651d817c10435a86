"""A pipeline of this one step with a real ML Metadata store: what is read again, and what is not."""

import os
from collections import Counter
from pathlib import Path

import ml_metadata as mlmd
import pytest
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline

from components.catalogue_gen.component import CatalogueGen
from creative_logs.errors import InputError
from tests.components.catalogue_gen.helpers import SCHEMA, element, impression, write_catalogue, write_log

DAYS = ['2024-01-01', '2024-01-02']


class _Runs:
    """Runs of the step in one folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._connection = metadata.sqlite_metadata_connection_config(str(folder / 'metadata.sqlite'))

    def run(self, days=DAYS) -> tuple[Counter, list]:
        """Returns the executions by their state, and the artifacts, of all runs."""
        component = CatalogueGen(
            str(self.folder / 'parts'), str(self.folder / 'logs'), days, SCHEMA, max_bad_share=0.1
        )
        LocalDagRunner().run(
            Pipeline(
                pipeline_name='catalogue',
                pipeline_root=str(self.folder / 'root'),
                components=[component],
                enable_cache=True,
                metadata_connection_config=self._connection,
            )
        )
        store = mlmd.MetadataStore(self._connection)
        states = [execution.last_known_state for execution in store.get_executions()]
        return Counter(map(mlmd.proto.Execution.State.Name, states)), store.get_artifacts()


@pytest.fixture
def runs(tmp_path) -> _Runs:
    for day in DAYS:
        for split in ('train', 'test'):
            write_log(tmp_path / 'logs', day, split, impression(['t1', 't2'], ['i1']))
    write_catalogue(tmp_path / 'parts' / 'a.parquet', element('title', 't1'))
    return _Runs(tmp_path)


def test_only_what_has_changed_is_read_again(runs):
    states, (artifact,) = runs.run()
    assert states == {'COMPLETE': 1}
    assert artifact.type == 'genco.ElementCatalogue'
    figures = {name: artifact.custom_properties[name].int_value for name in ('elements', 'missing_ids')}
    assert figures == {'elements': 1, 'missing_ids': 2}
    assert runs.run()[0] == {'COMPLETE': 1, 'CACHED': 1}

    # Another file.
    write_catalogue(runs.folder / 'parts' / 'b.parquet', element('image', 'i1'))
    states, artifacts = runs.run()
    assert states == {'COMPLETE': 2, 'CACHED': 1}
    assert artifacts[-1].custom_properties['missing_ids'].int_value == 1

    # Of the same name and size, and written within the same second.
    path = runs.folder / 'parts' / 'b.parquet'
    before = path.stat()
    write_catalogue(path, element('image', 'i2'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1000))
    assert path.stat().st_size == before.st_size
    states, artifacts = runs.run()
    assert states == {'COMPLETE': 3, 'CACHED': 1}
    assert artifacts[-1].custom_properties['missing_ids'].int_value == 2

    # Other logs, and other days.
    write_log(runs.folder / 'logs', DAYS[0], 'test', impression(['t1'], ['i2']))
    assert runs.run()[0] == {'COMPLETE': 4, 'CACHED': 1}
    assert runs.run(DAYS[1:])[0] == {'COMPLETE': 5, 'CACHED': 1}
    assert runs.run()[0] == {'COMPLETE': 5, 'CACHED': 2}


def test_a_refused_catalogue_leaves_no_artifact_behind(runs):
    write_catalogue(runs.folder / 'parts' / 'a.parquet', element('title', 't1'), element('title', 't1'))
    with pytest.raises(InputError, match='1 of 2 elements of the catalogue break a rule'):
        runs.run()
    assert list((runs.folder / 'root' / 'CatalogueGen' / 'catalogue').iterdir()) == []
    write_catalogue(runs.folder / 'parts' / 'a.parquet', element('title', 't1'))
    assert runs.run()[0] == {'FAILED': 1, 'COMPLETE': 1}
