"""The parameters of LogExampleGen, and how they are stored in a TFX execution property."""

from google.protobuf import json_format, wrappers_pb2
from tfx.proto import example_gen_pb2

from creative_logs.base_config import Frozen
from creative_logs.schema import LogSchema


class Settings(Frozen):
    """Parameters of the executor.

    Attributes:
        log_schema: The schema of the logs; rows that break it are quarantined.
        max_bad_share: The largest share of the rows that may be bad; with more, the component fails.
        days: The days (YYYY-MM-DD) from which each split is read, in order.
    """

    log_schema: LogSchema
    max_bad_share: float
    days: dict[str, tuple[str, ...]]


def pack(settings: Settings) -> example_gen_pb2.CustomConfig:
    """Packs settings into the custom config of ExampleGen."""
    packed = example_gen_pb2.CustomConfig()
    packed.custom_config.Pack(wrappers_pb2.StringValue(value=settings.model_dump_json()))
    return packed


def unpack(custom_config: str) -> Settings:
    """Unpacks settings from the custom config of ExampleGen, given as JSON."""
    packed = json_format.Parse(custom_config, example_gen_pb2.CustomConfig())
    text = wrappers_pb2.StringValue()
    packed.custom_config.Unpack(text)
    return Settings.model_validate_json(text.value)
