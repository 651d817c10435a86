"""Fixtures of the tests of every verb of `genco`."""

from tests.serving.fixtures import exported, genco, base_path, shared_server, batching, any_server  # noqa: F401
