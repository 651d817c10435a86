"""Choosing among artifacts of earlier runs, on a real metadata store."""

from pathlib import Path

import ml_metadata as mlmd
import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx.types import standard_artifacts

from tfx_pipeline.resolvers import ServingModelStrategy, WindowStrategy


def _examples(id_: int, span: int) -> standard_artifacts.Examples:
    artifact = standard_artifacts.Examples()
    artifact.id = id_
    artifact.set_int_custom_property('span', span)
    return artifact


def _ids(artifacts) -> list[int]:
    return [artifact.id for artifact in artifacts]


@pytest.mark.parametrize(
    ('spans', 'expected'), [([1, 2, 4], [11, 14, 13]), ([2, 4], [14, 13]), ([4], [13]), ([1, 3], None)]
)
def test_the_window_takes_the_newest_artifact_of_each_span(spans, expected):
    known = [_examples(14, 2), _examples(11, 1), _examples(13, 4), _examples(12, 2), _examples(10, 1)]
    resolved = WindowStrategy(spans).resolve_artifacts(None, {'examples': known})
    assert (resolved and _ids(resolved['examples'])) == expected


class _Store:
    """Models, and what pushers put out, in a real metadata store; versions are folders below `base`."""

    def __init__(self, base: Path):
        self.base = base
        connection = metadata_store_pb2.ConnectionConfig()
        connection.fake_database.SetInParent()
        self.store = mlmd.MetadataStore(connection)
        self._types = {
            name: self.store.put_artifact_type(metadata_store_pb2.ArtifactType(name=name))
            for name in ('Model', 'ModelBlessing', 'PushedModel')
        }
        self._pusher = self.store.put_execution_type(metadata_store_pb2.ExecutionType(name='Pusher'))
        self.models, self.pushed = [], []
        self.keys = ['model']

    def _put(self, artifact, type_name: str):
        (artifact.id,) = self.store.put_artifacts(
            [metadata_store_pb2.Artifact(type_id=self._types[type_name])]
        )
        return artifact

    def model(self) -> int:
        self.models.append(self._put(standard_artifacts.Model(), 'Model'))
        return self.models[-1].id

    def push(self, model_id: int, pushed: int = 1) -> None:
        artifact = self._put(standard_artifacts.PushedModel(), 'PushedModel')
        artifact.set_int_custom_property('pushed', pushed)
        if pushed:
            version = self.base / str(len(self.pushed))
            version.mkdir()
            artifact.set_string_custom_property('pushed_destination', str(version))
        self.pushed.append(artifact)
        self._push_again(model_id, artifact.id)

    def repeat(self, model_id: int) -> None:
        """The last push is found in the cache: another execution puts out the same artifact."""
        self._push_again(model_id, self.pushed[-1].id)

    def _push_again(self, model_id: int, pushed_id: int) -> None:
        blessing = self._put(standard_artifacts.ModelBlessing(), 'ModelBlessing')
        (execution,) = self.store.put_executions([metadata_store_pb2.Execution(type_id=self._pusher)])
        inputs, outputs = metadata_store_pb2.Event.INPUT, metadata_store_pb2.Event.OUTPUT
        self.store.put_events(
            [
                _event(execution, blessing.id, 'model_blessing', kind=inputs),
                _event(execution, model_id, *self.keys, kind=inputs),
                _event(execution, pushed_id, 'pushed_model', kind=outputs),
            ]
        )

    def serving(self, *candidate: int) -> list[int]:
        inputs = {'model': self.models[::-1], 'pushed_model': list(self.pushed)}
        if candidate:
            inputs['candidate'] = [model for model in self.models if model.id in candidate]
        resolved = ServingModelStrategy().resolve_artifacts(self.store, inputs)
        # TFX takes a key that is missing for an error, and publishes what it finds under the others.
        assert {key: _ids(found) for key, found in resolved.items() if key != 'model'} == {
            key: [] for key in inputs if key != 'model'
        }
        return _ids(resolved['model'])


def _event(execution: int, artifact: int, *keys: str, kind: int) -> metadata_store_pb2.Event:
    event = metadata_store_pb2.Event(artifact_id=artifact, execution_id=execution, type=kind)
    for key in keys:
        event.path.steps.add().key = key
        event.path.steps.add().index = 0
    return event


def test_the_first_model_has_nothing_to_be_compared_with(tmp_path):
    runs = _Store(tmp_path)
    assert runs.serving() == []
    assert runs.serving(runs.model()) == []


def test_a_candidate_is_not_compared_with_itself(tmp_path):
    runs = _Store(tmp_path)
    model = runs.model()
    runs.push(model)
    runs.repeat(model)
    assert runs.serving(model) == []
    assert runs.serving() == [model]


def test_the_serving_model_is_the_one_pushed_last(tmp_path):
    runs = _Store(tmp_path)
    first, second, refused = runs.model(), runs.model(), runs.model()
    runs.push(first)
    runs.push(second)
    runs.push(refused, pushed=0)
    assert runs.serving(refused) == runs.serving() == [second]
    assert runs.serving(runs.model()) == [second]


def test_a_model_that_was_never_pushed_does_not_serve(tmp_path):
    runs = _Store(tmp_path)
    first = runs.model()
    runs.push(first)
    blessed_by_a_run_that_was_killed = runs.model()
    assert runs.serving(runs.model()) == [first] != [blessed_by_a_run_that_was_killed]


def test_a_repeated_run_of_an_older_model_is_compared_with_what_serves_now(tmp_path):
    runs = _Store(tmp_path)
    first, second = runs.model(), runs.model()
    runs.push(first)
    runs.push(second)
    assert runs.serving(first) == [second]
    assert runs.serving(second) == [first]
    runs.push(first)
    assert runs.serving(second) == [first] == runs.serving()


def test_the_run_after_a_refresh_is_compared_with_the_refreshed_model(tmp_path):
    runs = _Store(tmp_path)
    trained, refreshed, refused = runs.model(), runs.model(), runs.model()
    runs.push(trained)
    assert runs.serving() == [trained]
    # As TFX records the input of a conditional step.
    runs.keys = ['_ModelRefresher.refreshed_model', 'model']
    runs.push(refreshed)
    runs.push(refused, pushed=0)
    assert runs.serving() == [refreshed]
    assert runs.serving(runs.model()) == [refreshed]


def test_a_version_that_was_removed_does_not_serve(tmp_path):
    runs = _Store(tmp_path)
    first, second = runs.model(), runs.model()
    runs.push(first)
    runs.push(second)
    (tmp_path / '1').rmdir()
    assert runs.serving() == [first]
    (tmp_path / '0').rmdir()
    assert runs.serving() == []
    runs.pushed[-1].set_string_custom_property('pushed_destination', 's3://bucket/models/1')
    assert runs.serving() == [second]
