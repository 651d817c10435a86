"""The settings of a server, named like the flags of TensorFlow Serving."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServerSettings:
    """The settings of a server.

    Attributes:
        model_name: The name of the single model that is served without a `model_config_file`.
        model_base_path: The folder of that model's versions.
        model_config_file: A text proto `ModelServerConfig`, which takes precedence over the two above.
        model_config_file_poll_wait_seconds: The seconds between two reads of that file; 0 reads it once.
        file_system_poll_wait_seconds: The seconds between two searches for new versions.
        max_num_load_retries: How often a version that fails to load is tried again.
        load_retry_interval_micros: The microseconds between two such attempts.
        allow_version_labels_for_unavailable_models: Whether a new label may name a version that is not loaded
            yet.
        port: The gRPC port; 0 picks a free one.
        grpc_socket_path: The path of a Unix socket on which the server listens as well.
        grpc_max_threads: The number of threads that answer requests; with batching, only those requests that
            are not merged.
        grpc_channel_arguments: Arguments of the gRPC server, `key=value,key=value`.
        grpc_max_queued_requests: The number of requests that may wait while `grpc_max_threads` are answered;
            further ones are refused with RESOURCE_EXHAUSTED.
        grpc_max_message_bytes: The largest size of a request; larger ones are refused with
            RESOURCE_EXHAUSTED, or with 413 over HTTP. -1 accepts any size.
        ssl_config_file: A text proto `SSLConfig`; without it, connections are not encrypted.
        rest_api_port: The HTTP port; 0 serves no HTTP.
        rest_api_num_threads: The number of threads that answer HTTP requests.
        rest_api_timeout_in_ms: The milliseconds that one HTTP request may take.
        monitoring_config_file: A text proto `MonitoringConfig`; it needs a REST port.
        enable_batching: Whether waiting requests are merged.
        batching_parameters_file: A text proto `BatchingParameters`; it needs `enable_batching`.
        enable_per_model_batching_parameters: Whether `batching_params.pbtxt` in the folder of a version takes
            precedence over that file.
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
