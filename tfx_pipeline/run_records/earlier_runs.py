"""What earlier runs have left for a refresh; it is checked before any slow import."""

from datetime import date, timedelta
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2

from components.atomic_pusher.served_versions import is_served
from creative_logs.errors import InputError
from creative_logs.log_files import list_days
from tfx_pipeline.config import Config
from tfx_pipeline.run_records.metadata_store import METADATA, open_store
from tfx_pipeline.window import window_of

_FIRST_SPAN = date(1970, 1, 1)
_RUN_FIRST = 'run genco run first'


def days_to_refresh(config: Config, day: str | None = None) -> list[str]:
    """Returns the days of the window on which a refreshed model is evaluated, oldest first.

    Args:
        config: The configuration of the run.
        day: The last day of the window, YYYY-MM-DD. If None, it is the newest day of the logs that a run has
            ingested.

    Raises:
        InputError: No component has content, there is no pushed model, a day of the window was not ingested,
            or as for `window_of`.
    """
    if config.paths.catalogue is None:
        raise InputError(
            'paths.catalogue is missing: genco refresh folds a catalogue into a model; give a component of '
            'log_schema content, and name the catalogue'
        )
    artifacts = _artifacts(config)
    if not any(_is_served_version(artifact) for artifact in artifacts):
        raise InputError(f'{config.paths.serving}: holds no model of {config.name!r}; {_RUN_FIRST}')
    ingested = {_day_of(artifact) for artifact in artifacts if _is_ingested_day(artifact)}
    newest = max(ingested.intersection(list_days(config.paths.logs)), default=None)
    days = window_of(config, day or newest)
    missing = [window_day for window_day in days if window_day not in ingested]
    if missing:
        raise InputError(
            f'{config.paths.logs}: {len(missing)} day(s) of the window up to {days[-1]} were not ingested, such '
            f'as {missing[0]}; {_RUN_FIRST}'
        )
    return days


def _artifacts(config: Config) -> list[metadata_store_pb2.Artifact]:
    """All artifacts of the pipeline."""
    root = Path(config.paths.root)
    store = open_store(root) if (root / METADATA).exists() else None
    context = store and store.get_context_by_type_and_name('pipeline', config.name)
    if store is None or context is None:
        raise InputError(f'{root}: no run of the pipeline {config.name!r} yet; {_RUN_FIRST}')
    return store.get_artifacts_by_context(context.id)


def _is_served_version(artifact: metadata_store_pb2.Artifact) -> bool:
    properties = artifact.custom_properties
    return is_served(properties['pushed'].int_value, properties['pushed_destination'].string_value)


def _is_ingested_day(artifact: metadata_store_pb2.Artifact) -> bool:
    return {'span', 'rows'} <= set(artifact.custom_properties)


def _day_of(artifact: metadata_store_pb2.Artifact) -> str:
    """The day of a span, which counts days as `components.log_example_gen.component.span_of` does."""
    return (_FIRST_SPAN + timedelta(artifact.custom_properties['span'].int_value)).isoformat()
