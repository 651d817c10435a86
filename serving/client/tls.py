"""Certificates of a client that connects over TLS."""

from dataclasses import dataclass
from pathlib import Path

import grpc

from creative_logs.errors import InputError


@dataclass(frozen=True)
class Tls:
    """The certificate files of a client, in PEM form.

    Attributes:
        root_certificates: The certificates of the authorities that sign the server's; the default list of
            gRPC if None.
        certificate: The certificate of the client, for servers that ask for one.
        private_key: The private key of that certificate.
    """

    root_certificates: str | Path | None = None
    certificate: str | Path | None = None
    private_key: str | Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Reads the files.

        Raises:
            InputError: A file cannot be read, or only one of certificate and private key is given.
        """
        if (self.certificate is None) != (self.private_key is None):
            raise InputError('certificate and private_key must be given together or not at all')
        files = (self.root_certificates, self.private_key, self.certificate)
        return grpc.ssl_channel_credentials(*(_read(file) for file in files))


def _read(file: str | Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(f'{file}: cannot be read: {error.strerror}; name a file in PEM form') from error
