"""Options of the verbs that ask a running server."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import click

from creative_logs.errors import InputError

_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Target:
    """The model at a server that the options name."""

    address: str
    model: str
    timeout: float
    root_certificates: str | None
    certificate: str | None
    private_key: str | None

    def connect(self, version: int | None = None, version_label: str | None = None):
        """A `CreativeClient`; raises InputError as it does."""
        from serving.client.client import CreativeClient, Tls

        files = (self.root_certificates, self.certificate, self.private_key)
        tls = Tls(*files) if any(files) else None
        return CreativeClient(self.address, self.model, self.timeout, version, version_label, tls)


def host_and_port(context: click.Context, parameter: click.Parameter, address: str) -> str:
    """Refuses what is no HOST:PORT before anything is sent there."""
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
        help='Of the server.',
    ),
    click.option(
        '--model-name',
        'model',
        default='genco',
        show_default=True,
        help='Name of the model at the server.',
    ),
    click.option(
        '--timeout', default=5.0, show_default=True, type=click.FloatRange(0, min_open=True), help='Seconds.'
    ),
    click.option(
        '--root-certificates', metavar='FILE', help='PEM: TLS to a server that these authorities vouch for.'
    ),
    click.option('--certificate', metavar='FILE', help='PEM: of this client, for TLS that asks for it.'),
    click.option('--private-key', metavar='FILE', help='PEM: of that certificate.'),
)


def server_options(command: Callable) -> Callable:
    """Gives a command the options, and their values as its first argument, a `Target`."""

    @functools.wraps(command)
    def wrapped(address, model, timeout, root_certificates, certificate, private_key, **others):
        target = Target(address, model, timeout, root_certificates, certificate, private_key)
        return command(target, **others)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
