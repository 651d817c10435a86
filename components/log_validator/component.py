"""LogValidator: TFX's ExampleValidator, but an anomaly stops the pipeline."""

from tfx.components import ExampleValidator
from tfx.dsl.components.base import executor_spec

from components.log_validator.executor import Executor


class LogValidator(ExampleValidator):
    """Compares statistics with the schema and fails if there is an anomaly."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
