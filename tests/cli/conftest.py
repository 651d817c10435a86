"""Fixtures of the tests of every verb of `genco`."""

from tests.components.sctr_evaluator.fixtures import model, other_model  # noqa: F401
from tests.serving.fixtures import any_server, base_path, batching, exported, genco, shared_server  # noqa: F401
