"""Fixtures of all tests of serving."""

from tests.serving.fixtures import any_server, base_path, batching, exported, genco, shared_server  # noqa: F401
