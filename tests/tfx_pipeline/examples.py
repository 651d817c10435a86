"""A configuration for the logs of tests/creative_logs/examples.py."""

from pathlib import Path
from typing import Any

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
