"""The monitoring configuration file of TensorFlow Serving."""

from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from creative_logs.errors import InputError

_DEFAULT_PATH = '/monitoring/prometheus/metrics'
# config/monitoring_config.proto, which tensorflow-serving-api does not ship.
_PROTO = """
name: "genco/monitoring_config.proto" package: "genco.monitoring" syntax: "proto3"
message_type {
  name: "PrometheusConfig"
  field { name: "enable" number: 1 label: LABEL_OPTIONAL type: TYPE_BOOL }
  field { name: "path" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING }
}
message_type {
  name: "MonitoringConfig"
  field {
    name: "prometheus_config" number: 1 label: LABEL_OPTIONAL
    type: TYPE_MESSAGE type_name: ".genco.monitoring.PrometheusConfig"
  }
}
"""
_FILE = text_format.Parse(_PROTO, descriptor_pb2.FileDescriptorProto())
_MonitoringConfig = message_factory.GetMessages([_FILE], descriptor_pool.DescriptorPool())[
    'genco.monitoring.MonitoringConfig'
]


def read_monitoring_config(path: Path) -> str | None:
    """Where the metrics are read.

    Args:
        path: of a text proto `MonitoringConfig`.

    Returns:
        The path below the REST server's address; None where the file does not enable Prometheus.

    Raises:
        InputError: the file cannot be read, or is no `MonitoringConfig`.
    """
    try:
        config = text_format.Parse(path.read_text('utf-8'), _MonitoringConfig())
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        reason = ' '.join(str(error).split())
        raise InputError(f'{path}: no monitoring configuration: {reason}; give a MonitoringConfig') from error
    prometheus = config.prometheus_config
    return (prometheus.path or _DEFAULT_PATH) if prometheus.enable else None
