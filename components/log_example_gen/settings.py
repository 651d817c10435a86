"""What LogExampleGen does with the logs, and how that travels as a TFX execution property."""

from google.protobuf import json_format, wrappers_pb2
from tfx.proto import example_gen_pb2

from creative_logs.base_config import Frozen
from creative_logs.schema import LogSchema


class Settings(Frozen):
    """Parameters of the executor.

    Attributes:
        log_schema: rows that break it are quarantined.
        max_bad_share: of the rows read; more than this and the component fails.
        days: the days (YYYY-MM-DD) that each split is read from, in order.
    """

    log_schema: LogSchema
    max_bad_share: float
    days: dict[str, tuple[str, ...]]


def pack(settings: Settings) -> example_gen_pb2.CustomConfig:
    """Settings as ExampleGen's custom config."""
    packed = example_gen_pb2.CustomConfig()
    packed.custom_config.Pack(wrappers_pb2.StringValue(value=settings.model_dump_json()))
    return packed


def unpack(custom_config: str) -> Settings:
    """Settings from ExampleGen's custom config in its JSON form."""
    packed = json_format.Parse(custom_config, example_gen_pb2.CustomConfig())
    text = wrappers_pb2.StringValue()
    packed.custom_config.Unpack(text)
    return Settings.model_validate_json(text.value)
