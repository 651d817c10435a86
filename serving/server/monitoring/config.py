"""The monitoring configuration file of TensorFlow Serving."""

from pathlib import Path

from serving.server.text_protos import message_class, read_text_proto

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
_MonitoringConfig = message_class(_PROTO, 'genco.monitoring.MonitoringConfig')


def read_monitoring_config(path: Path) -> str | None:
    """Reads the path under which the metrics are served.

    Args:
        path: The path of a text proto `MonitoringConfig`.

    Returns:
        The path below the address of the REST server; None if the file does not enable Prometheus.

    Raises:
        InputError: The file cannot be read or is not a `MonitoringConfig`.
    """
    prometheus = read_text_proto(path, _MonitoringConfig()).prometheus_config
    return (prometheus.path or _DEFAULT_PATH) if prometheus.enable else None
