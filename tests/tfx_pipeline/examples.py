"""A configuration for the logs of tests/creative_logs/examples.py."""

from pathlib import Path
from typing import Any

from creative_logs.schema import Component, Content
from tests.creative_logs.examples import SCHEMA
from tfx_pipeline.config import Config


def config_for(folder: Path, **changes: Any) -> Config:
    """Logs, artifacts and pushed models below `folder`."""
    values = {
        'name': 'small',
        'paths': {name: str(folder / name) for name in ('logs', 'root', 'serving')},
        'log_schema': SCHEMA.model_dump(),
        'evaluation': {'cluster': 'ad_id'},
    }
    return Config.model_validate(values | changes)


def with_catalogue(folder: Path, **changes: Any) -> Config:
    """As `config_for`, with attributes and vectors of the images in `<folder>/catalogue.parquet`."""
    title, image = SCHEMA.components
    image = Component(name=image.name, content=Content(attributes=True, vector=2))
    paths = {name: str(folder / name) for name in ('logs', 'root', 'serving')}
    schema = SCHEMA.model_copy(update={'components': (title, image)})
    values = {
        'paths': paths | {'catalogue': str(folder / 'catalogue.parquet')},
        'log_schema': schema.model_dump(),
    }
    return config_for(folder, **(values | changes))
