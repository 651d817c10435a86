"""Fixtures of the tests of the evaluator."""

from tests.components.sctr_evaluator.fixtures import logs, model, other_model, serialized  # noqa: F401
