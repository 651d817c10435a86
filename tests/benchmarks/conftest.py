"""The small log of the model's tests."""

from tests.model.conftest import batch, layout, logs, serialized, transform_output, transformed  # noqa: F401
