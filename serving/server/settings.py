"""How a server runs, named as the flags of TensorFlow Serving."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServerSettings:
    """All that a server is told at its start.

    Attributes:
        model_name, model_base_path: the one model that is served without a `model_config_file`.
        model_config_file: text proto `ModelServerConfig`; it wins over the two above.
        model_config_file_poll_wait_seconds: time between two looks at that file; 0 reads it once.
        file_system_poll_wait_seconds: time between two looks for new versions.
        max_num_load_retries, load_retry_interval_micros: of a version that does not load.
        allow_version_labels_for_unavailable_models: a new label may name a version that is not loaded yet.
        port: of gRPC; 0 picks a free one.
        grpc_socket_path: of a Unix socket to listen on besides.
        grpc_max_threads: that answer requests; with batching, only those that are not merged.
        grpc_channel_arguments: `key=value,key=value` for the gRPC server.
        grpc_max_queued_requests: that wait, besides `grpc_max_threads` under way; one more is refused,
            RESOURCE_EXHAUSTED.
        grpc_max_message_bytes: larger requests are refused, RESOURCE_EXHAUSTED, or 413 of HTTP; -1 takes any.
        ssl_config_file: text proto `SSLConfig`; without it, connections are not encrypted.
        rest_api_port: of HTTP; 0 serves none.
        rest_api_num_threads, rest_api_timeout_in_ms: that answer HTTP requests, and how long each may take.
        monitoring_config_file: text proto `MonitoringConfig`; needs a REST port.
        enable_batching: merges requests that wait.
        batching_parameters_file: text proto `BatchingParameters`; needs `enable_batching`.
        enable_per_model_batching_parameters: a version's own `batching_params.pbtxt` wins over that file.
    """

    model_name: str = 'genco'
    model_base_path: Path | None = None
    model_config_file: Path | None = None
    model_config_file_poll_wait_seconds: float = 0.0
    file_system_poll_wait_seconds: float = 1.0
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    allow_version_labels_for_unavailable_models: bool = False
    port: int = 8500
    grpc_socket_path: Path | None = None
    grpc_max_threads: int = 4 * (os.cpu_count() or 1)
    grpc_channel_arguments: str = ''
    grpc_max_queued_requests: int = 1000
    grpc_max_message_bytes: int = -1
    ssl_config_file: Path | None = None
    rest_api_port: int = 0
    rest_api_num_threads: int = 4 * (os.cpu_count() or 1)
    rest_api_timeout_in_ms: int = 30_000
    monitoring_config_file: Path | None = None
    enable_batching: bool = False
    batching_parameters_file: Path | None = None
    enable_per_model_batching_parameters: bool = False
