"""Fixtures of all tests of serving."""

from tests.serving.fixtures import exported, genco, base_path, shared_server, batching, any_server  # noqa: F401
