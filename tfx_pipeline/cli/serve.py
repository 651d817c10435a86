"""Verbs `serve` and `select`: a server of pushed models, and one question to it."""

import gc
import logging
import os
import signal
import sys
from pathlib import Path

import click

from tfx_pipeline.cli.select import select

__all__ = ['select', 'serve']


@click.command()
@click.option(
    '--model-base-path',
    required=True,
    metavar='DIR',
    help='Folder with one numbered sub folder per version, where the pipeline pushes to.',
)
@click.option('--model-name', default='genco', show_default=True, help='Name that clients ask for.')
@click.option(
    '--port', default=8500, show_default=True, type=click.IntRange(0, 65535), help='0 picks a free one.'
)
@click.option(
    '--version-poll-seconds',
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help='Time between two looks for new versions.',
)
def serve(model_base_path: str, model_name: str, port: int, version_poll_seconds: float):
    """Serve the newest pushed model over the gRPC API of TensorFlow Serving.

    A new version is warmed up before it takes over, and no request is lost; a version that is broken or
    half written is passed over. Stop with Ctrl+C: requests under way are finished. With
    TF_CPP_MIN_LOG_LEVEL=0 in the environment, what TensorFlow logs is shown.

    \b
    Example:
      genco serve --model-base-path build/demo/serving/genco
    """
    server = _build(Path(model_base_path), model_name, port, version_poll_seconds)
    # Set after the imports: libraries must not replace them.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.request_stop())
    click.echo(f'genco: waiting for a version of model {model_name} in {model_base_path}')
    try:
        bound = server.start()
        if bound is not None:
            click.echo(f'genco: serving model {model_name} at localhost:{bound} (gRPC); stop with Ctrl+C')
            server.wait()
    finally:
        server.stop()
    click.echo('genco: stopped')


def _build(base_path: Path, name: str, port: int, poll_seconds: float):
    from tfx_pipeline import quiet

    quiet.prepare()
    if os.environ['TF_CPP_MIN_LOG_LEVEL'] == '3':
        _mute_native_libraries()
    logging.getLogger('tensorflow').setLevel(logging.ERROR)
    logging.basicConfig(format='genco: %(message)s')
    from serving.model_manager.manager import ModelManager
    from serving.server import ModelServer

    # What is imported stays for good: looking through it for garbage would hold up requests each time.
    gc.freeze()
    return ModelServer(ModelManager(name, base_path, _announce), port, poll_seconds)


def _mute_native_libraries() -> None:
    """Drops what C++ code writes to standard error, which no setting silences; Python still writes there."""
    sys.stderr = os.fdopen(os.dup(2), 'w', buffering=1, encoding='utf-8')
    with open(os.devnull, 'wb') as nowhere:
        os.dup2(nowhere.fileno(), 2)


def _announce(status) -> None:
    if status.error is not None:
        reason = ' '.join(status.error.message.split())
        click.echo(f'genco: version {status.version} cannot be served and is passed over: {reason}', err=True)
    elif status.state.name == 'AVAILABLE':
        click.echo(f'genco: version {status.version} is loaded')
    elif status.state.name == 'END':
        click.echo(f'genco: version {status.version} is let go')
