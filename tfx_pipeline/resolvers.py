"""Resolver strategies of the local pipeline, which select artifacts of earlier runs."""

from collections.abc import Sequence

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx import types
from tfx.dsl.components.common.resolver import ResolverStrategy

Artifacts = dict[str, list[types.Artifact]]
_OUTPUT_EVENTS = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.DECLARED_OUTPUT)


class WindowStrategy(ResolverStrategy):
    """Selects the newest artifact of each given span, oldest span first.

    TFX's SpanRangeStrategy keeps every artifact of a span, so a day that was ingested again after its logs
    were corrected would count twice. It also counts calendar days rather than days that have logs.

    Args:
        spans: The spans, oldest first.
    """

    def __init__(self, spans: Sequence[int]):
        self._spans = spans

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts | None:
        """Returns `examples` in the order of the spans, or None if a span has not been ingested."""
        newest: dict[int, types.Artifact] = {}
        for artifact in sorted(input_dict['examples'], key=lambda artifact: artifact.id):
            newest[artifact.get_int_custom_property('span')] = artifact
        if not set(self._spans) <= newest.keys():
            return None
        return {'examples': [newest[span] for span in self._spans]}


class ServingModelStrategy(ResolverStrategy):
    """Selects the most recently blessed model other than the candidate of this run.

    With TFX's LatestBlessedModelStrategy, a repeated run would compare its model with itself and push it
    again. The candidate is the most recent output of a Trainer, whether cached or not.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Returns `model` and `model_blessing`, both with one artifact or both empty."""
        models = {model.id: model for model in input_dict['model']}
        candidate = max(models, key=lambda id_: _last_output(store, id_), default=None)
        for blessing in sorted(input_dict['model_blessing'], key=lambda b: b.id, reverse=True):
            model_id = blessing.get_int_custom_property('current_model_id')
            blessed = blessing.get_int_custom_property('blessed') == 1
            if blessed and model_id in models and model_id != candidate:
                return {'model': [models[model_id]], 'model_blessing': [blessing]}
        return {'model': [], 'model_blessing': []}


def _last_output(store: mlmd.MetadataStore, artifact_id: int) -> int:
    events = store.get_events_by_artifact_ids([artifact_id])
    return max(event.execution_id for event in events if event.type in _OUTPUT_EVENTS)
