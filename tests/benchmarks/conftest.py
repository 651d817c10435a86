"""The small log of the model's tests."""

from tests.model.conftest import batch, logs, serialized, tables, transform_output, transformed  # noqa: F401
