"""Encryption of the gRPC port: the `SSLConfig` file of TensorFlow Serving."""

from pathlib import Path

import grpc

from creative_logs.errors import InputError
from serving.server.text_protos import message_class, read_text_proto

# config/ssl_config.proto, which tensorflow-serving-api does not ship.
_SslConfig = message_class(
    """
name: "genco/ssl_config.proto" package: "genco.ssl" syntax: "proto3"
message_type {
  name: "SSLConfig"
  field { name: "server_key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "server_cert" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "custom_ca" number: 3 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "client_verify" number: 4 label: LABEL_OPTIONAL type: TYPE_BOOL }
}
""",
    'genco.ssl.SSLConfig',
)


def read_credentials(path: Path) -> grpc.ServerCredentials:
    """Reads the server's key and certificate and the rules for clients; the file holds all of them in PEM.

    Raises:
        InputError: The file cannot be read, is not an SSLConfig, or lacks the key or the certificate.
    """
    config = read_text_proto(path, _SslConfig())
    for field in ('server_key', 'server_cert'):
        if not getattr(config, field):
            raise InputError(f'{path}: {field} is missing; give it in PEM')
    if config.client_verify and not config.custom_ca:
        raise InputError(f'{path}: client_verify needs custom_ca, which verifies the certificates of clients')
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )
