"""Before any test imports TensorFlow; and the order of the tests."""

import pytest
from hypothesis import settings

from tfx_pipeline.console import captured_output as quiet

quiet.prepare()
# A busy machine is no failure.
settings.register_profile('untimed', deadline=None)
settings.load_profile('untimed')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files that take minutes first, so that no process is left with one of them at the end."""
    long = {item.path for item in items if item.get_closest_marker('minutes')}
    items.sort(key=lambda item: item.path not in long)
