"""The log schema as a TensorFlow Metadata schema, for validation and for parsing."""

import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2

from creative_logs.schema import CLICK, REQUEST_ID, TIMESTAMP, WEIGHT, LogSchema

_TYPES = {pa.string(): schema_pb2.BYTES, pa.int64(): schema_pb2.INT, pa.float32(): schema_pb2.FLOAT}


def curated_schema(log_schema: LogSchema) -> schema_pb2.Schema:
    """Builds the schema of ExampleGen's examples.

    Columns that have a value in every row are dense, [B, 1]; lists and columns with missing values are
    ragged, [B, (n)]. A context feature must have a value in at least one row of a day; otherwise, its source
    has failed.
    """
    schema = schema_pb2.Schema(represent_variable_length_as_ragged=True)
    schema.dataset_constraints.min_examples_count = 1
    always = {REQUEST_ID, TIMESTAMP, log_schema.ad, CLICK, WEIGHT} | {c.shown for c in log_schema.components}
    context = {feature.name for feature in log_schema.context}
    for field in log_schema.arrow_schema():
        is_list = pa.types.is_list(field.type)
        feature = schema.feature.add(
            name=field.name, type=_TYPES[field.type.value_type if is_list else field.type]
        )
        if field.name in always:
            feature.presence.min_fraction = 1.0
            feature.shape.dim.add(size=1)
        else:
            feature.value_count.min = 0
            if not is_list:
                feature.value_count.max = 1
        if field.name in context | {c.candidates for c in log_schema.components}:
            feature.presence.min_count = 1
    _add_domains(schema, log_schema)
    return schema


def _add_domains(schema: schema_pb2.Schema, log_schema: LogSchema) -> None:
    features = {feature.name: feature for feature in schema.feature}
    features[CLICK].int_domain.CopyFrom(schema_pb2.IntDomain(min=0, max=1))
    features[WEIGHT].float_domain.CopyFrom(
        schema_pb2.FloatDomain(min=0, disallow_nan=True, disallow_inf=True)
    )
    for component in log_schema.components:
        features[component.shown].int_domain.min = -1
        features[component.propensity].float_domain.CopyFrom(
            schema_pb2.FloatDomain(min=0, max=1, disallow_nan=True)
        )
