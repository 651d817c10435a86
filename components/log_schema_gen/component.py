"""LogSchemaGen: writes the curated schema as a Schema artifact."""

import os

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.log_schema_gen.curated import curated_schema
from creative_logs.schema import LogSchema


@component
def LogSchemaGen(log_schema: Parameter[str], schema: OutputArtifact[standard_artifacts.Schema]) -> None:
    """Derives the schema of the examples from the schema of the logs.

    Args:
        log_schema: The `LogSchema`, as JSON.
        schema: The artifact to which `schema.pbtxt` is written.
    """
    curated = curated_schema(LogSchema.model_validate_json(log_schema))
    io_utils.write_pbtxt_file(os.path.join(schema.uri, 'schema.pbtxt'), curated)
