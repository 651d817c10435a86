"""Certificates of a client that talks to its server over TLS."""

from dataclasses import dataclass
from pathlib import Path

import grpc

from creative_logs.errors import InputError


@dataclass(frozen=True)
class Tls:
    """Files in PEM form.

    Attributes:
        root_certificates: of the authorities that vouch for the server; gRPC's own list where None.
        certificate, private_key: of the client, for servers that ask for one.
    """

    root_certificates: str | Path | None = None
    certificate: str | Path | None = None
    private_key: str | Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Reads the files.

        Raises:
            InputError: a file cannot be read, or of certificate and key only one is given.
        """
        if (self.certificate is None) != (self.private_key is None):
            raise InputError('certificate and private_key: give both of them or neither')
        files = (self.root_certificates, self.private_key, self.certificate)
        return grpc.ssl_channel_credentials(*(_read(file) for file in files))


def _read(file: str | Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(f'{file}: cannot be read: {error.strerror}; name a file in PEM form') from error
