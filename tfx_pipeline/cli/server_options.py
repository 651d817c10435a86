"""Options of the verbs that send requests to a running server."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import click

from creative_logs.errors import InputError

_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Target:
    """The served model that the options specify, and how to connect to its server."""

    address: str
    model: str
    timeout: float
    root_certificates: str | None
    certificate: str | None
    private_key: str | None
    full_content: bool

    def connect(self, version: int | None = None, version_label: str | None = None):
        """Connects a `CreativeClient` to the server.

        Raises:
            InputError: The options are invalid, or a certificate file cannot be read.
        """
        from serving.client.client import CreativeClient, Tls

        files = (self.root_certificates, self.certificate, self.private_key)
        tls = Tls(*files) if any(files) else None
        return CreativeClient(
            self.address, self.model, self.timeout, version, version_label, tls, self.full_content
        )


def host_and_port(context: click.Context, parameter: click.Parameter, address: str) -> str:
    """Checks that an address has the form HOST:PORT.

    Raises:
        InputError: It does not.
    """
    host, _, port = address.rpartition(':')
    if not host or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise InputError(f'{parameter.opts[0]} {address!r}: must be HOST:PORT, as in localhost:8500')
    return address


_OPTIONS = (
    click.option(
        '--address',
        default='localhost:8500',
        show_default=True,
        metavar='HOST:PORT',
        callback=host_and_port,
        help='gRPC address of the server.',
    ),
    click.option(
        '--model-name',
        'model',
        default='genco',
        show_default=True,
        help='Name of the model on the server.',
    ),
    click.option(
        '--timeout',
        default=5.0,
        show_default=True,
        type=click.FloatRange(0, min_open=True),
        help='Timeout in seconds.',
    ),
    click.option(
        '--root-certificates',
        metavar='FILE',
        help='PEM file of certificate authorities; use TLS and trust servers that they certify.',
    ),
    click.option(
        '--certificate',
        metavar='FILE',
        help='PEM file of the client certificate, for servers that require one.',
    ),
    click.option('--private-key', metavar='FILE', help='PEM file of the private key of that certificate.'),
    click.option(
        '--full-content',
        is_flag=True,
        help='Send tensors of full width for the content of candidates, for a TensorFlow Serving that merges '
        'requests.',
    ),
)


def server_options(command: Callable) -> Callable:
    """Adds the options to a command, which receives their values as its first argument, a `Target`."""

    @functools.wraps(command)
    def wrapped(address, model, timeout, root_certificates, certificate, private_key, full_content, **others):
        target = Target(address, model, timeout, root_certificates, certificate, private_key, full_content)
        return command(target, **others)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
