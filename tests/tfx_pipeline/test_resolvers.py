"""Choosing among artifacts of earlier runs, on a real metadata store."""

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


class _Runs:
    """Models, their blessings, and the executions that put them out."""

    def __init__(self):
        connection = metadata_store_pb2.ConnectionConfig()
        connection.fake_database.SetInParent()
        self.store = mlmd.MetadataStore(connection)
        self._model_type = self.store.put_artifact_type(metadata_store_pb2.ArtifactType(name='Model'))
        self._trainer_type = self.store.put_execution_type(metadata_store_pb2.ExecutionType(name='Trainer'))
        self.models, self.blessings = [], []

    def train(self) -> int:
        (id_,) = self.store.put_artifacts([metadata_store_pb2.Artifact(type_id=self._model_type)])
        model = standard_artifacts.Model()
        model.id = id_
        self.models.append(model)
        self.put_out(id_)
        return id_

    def put_out(self, id_: int) -> None:
        """An execution has the model as its output: a fresh one, or from the cache."""
        (execution,) = self.store.put_executions([metadata_store_pb2.Execution(type_id=self._trainer_type)])
        event = metadata_store_pb2.Event(
            artifact_id=id_, execution_id=execution, type=metadata_store_pb2.Event.OUTPUT
        )
        self.store.put_events([event])

    def bless(self, model_id: int, blessed: int = 1) -> None:
        blessing = standard_artifacts.ModelBlessing()
        blessing.id = 1000 + len(self.blessings)
        blessing.set_int_custom_property('blessed', blessed)
        blessing.set_int_custom_property('current_model_id', model_id)
        self.blessings.append(blessing)

    def serving(self) -> list[int]:
        inputs = {'model': self.models[::-1], 'model_blessing': list(self.blessings)}
        return _ids(ServingModelStrategy().resolve_artifacts(self.store, inputs)['model'])


def test_the_first_model_has_nothing_to_be_compared_with():
    runs = _Runs()
    assert runs.serving() == []
    runs.train()
    assert runs.serving() == []


def test_a_candidate_is_not_compared_with_itself():
    runs = _Runs()
    runs.bless(runs.train())
    assert runs.serving() == []


def test_the_serving_model_is_the_one_blessed_last():
    runs = _Runs()
    first, second = runs.train(), runs.train()
    runs.bless(first)
    runs.bless(second)
    runs.bless(runs.train(), blessed=0)
    assert runs.serving() == [second]
    runs.train()
    assert runs.serving() == [second]


def test_a_repeated_run_of_an_older_model_is_compared_with_what_serves_now():
    runs = _Runs()
    first, second = runs.train(), runs.train()
    runs.bless(first)
    runs.bless(second)
    runs.put_out(first)
    assert runs.serving() == [second]
    runs.put_out(second)
    assert runs.serving() == [first]
