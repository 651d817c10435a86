"""Resolver strategies of the local pipeline, which select artifacts of earlier runs."""

from collections.abc import Sequence

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common.resolver import ResolverStrategy

from components.atomic_pusher.served_versions import is_served

Artifacts = dict[str, list[types.Artifact]]


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
    """Selects the model of the newest pushed version that is still there, other than the candidate of this run.

    TFX's LatestBlessedModelStrategy would compare the model of a repeated run with itself and push it again. It
    would also take a model for the serving one that was blessed by a run that ended before it pushed, or whose
    version was removed to roll it back.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Returns `model` with one artifact or none, and the other keys with none.

        Args:
            store: The metadata store.
            input_dict: `model`, all models; `pushed_model`, what all pushers put out; and `candidate`, the model
                that is compared with the serving one, absent where there is none yet.
        """
        models = {model.id: model for model in input_dict['model']}
        nothing: Artifacts = {key: [] for key in input_dict}
        candidates = {model.id for model in input_dict.get('candidate', ())}
        for pushed in sorted(input_dict['pushed_model'], key=lambda artifact: artifact.id, reverse=True):
            destination = pushed.get_string_custom_property('pushed_destination')
            if is_served(pushed.get_int_custom_property('pushed'), destination):
                model = _pushed_from(store, pushed.id)
                if model in models and model not in candidates:
                    return nothing | {'model': [models[model]]}
        return nothing


def _pushed_from(store: mlmd.MetadataStore, pushed: int) -> int | None:
    """The id of the model that a pusher was given."""
    pushers = {event.execution_id for event in store.get_events_by_artifact_ids([pushed])}
    events = store.get_events_by_execution_ids(sorted(pushers))
    # An artifact that is also what a conditional step depends on has two keys in one event.
    models = [event.artifact_id for event in events if any(step.key == 'model' for step in event.path.steps)]
    return models[0] if models else None
