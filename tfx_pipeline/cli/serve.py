"""The verb `serve`, which serves pushed models."""

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from serving.server.settings import ServerSettings

_SETTINGS = ServerSettings()

_BOOLEAN = {'type': click.BOOL, 'is_flag': False, 'flag_value': 'true', 'default': False}
_FILE = {'type': click.Path(path_type=Path), 'metavar': 'FILE'}
_NOT_NEGATIVE = click.IntRange(0)
# Flags of TensorFlow Serving without effect here, accepted so that its command lines work.
_WITHOUT_EFFECT = (
    'enable_grpc_healthcheck_service',
    'num_load_threads',
    'num_unload_threads',
    'tensorflow_session_parallelism',
    'tensorflow_intra_op_parallelism',
    'tensorflow_inter_op_parallelism',
    'per_process_gpu_memory_fraction',
    'enable_model_warmup',
    'num_request_iterations_for_warmup',
    'enforce_session_run_timeout',
)


def _flag(name: str, *more: str, **settings):
    """An option spelt with dashes, as in this project, and with underscores, as in TensorFlow Serving."""
    spellings = dict.fromkeys((f'--{name.replace("_", "-")}', f'--{name}', *more))
    settings['show_default'] = settings.get('default') not in (None, '')
    return click.option(*spellings, name, **settings)


def _without_effect(command):
    for name in _WITHOUT_EFFECT:
        ignored = click.option(f'--{name}', hidden=True, is_flag=False, flag_value='', expose_value=False)
        command = ignored(command)
    return command


@click.command()
@_flag(
    'model_base_path',
    type=click.Path(path_type=Path),
    metavar='DIR',
    help='Folder to which the pipeline pushes, with one numbered subfolder per version.',
)
@_flag('model_name', default='genco', help='Name by which clients request the model.')
@_flag(
    'model_config_file',
    **_FILE,
    help='ModelServerConfig file with several models, version policies and labels.',
)
@_flag(
    'model_config_file_poll_wait_seconds',
    default=0.0,
    type=click.FloatRange(0),
    help='Seconds between two reads of that file; 0 reads it once.',
)
@_flag('port', default=8500, type=click.IntRange(0, 65535), help='gRPC port; 0 picks a free one.')
@_flag('grpc_socket_path', **_FILE, help='Unix socket to listen on in addition.')
@_flag('grpc_channel_arguments', default='', metavar='KEY=VALUE,...', help='Arguments of the gRPC server.')
@_flag('grpc_max_threads', default=_SETTINGS.grpc_max_threads, type=click.IntRange(1), help='gRPC threads.')
@_flag(
    'grpc_max_queued_requests',
    default=_SETTINGS.grpc_max_queued_requests,
    type=_NOT_NEGATIVE,
    help='Largest number of waiting gRPC requests; further ones are rejected at once.',
)
@_flag(
    'grpc_max_message_bytes',
    default=-1,
    type=click.IntRange(-1),
    help='Largest gRPC request in bytes; -1 sets no limit.',
)
@_flag('ssl_config_file', **_FILE, help='SSLConfig file with key and certificate, for encrypted connections.')
@_flag('rest_api_port', default=0, type=click.IntRange(0, 65535), help='HTTP port; 0 disables the REST API.')
@_flag(
    'rest_api_num_threads',
    default=_SETTINGS.rest_api_num_threads,
    type=click.IntRange(1),
    help='HTTP threads.',
)
@_flag(
    'rest_api_timeout_in_ms', default=30_000, type=click.IntRange(1), help='Timeout of an HTTP request in ms.'
)
@_flag(
    'monitoring_config_file', **_FILE, help='MonitoringConfig file for Prometheus metrics on the HTTP port.'
)
@_flag('enable_batching', **_BOOLEAN, help='Merge waiting requests into batches.')
@_flag('batching_parameters_file', **_FILE, help='BatchingParameters file with sizes and waiting times.')
@_flag(
    'enable_per_model_batching_parameters',
    **_BOOLEAN,
    help="A version's batching_params.pbtxt takes precedence over that file.",
)
@_flag(
    'file_system_poll_wait_seconds',
    '--version-poll-seconds',
    default=1.0,
    type=click.FloatRange(0, min_open=True),
    help='Seconds between two searches for new versions.',
)
@_flag(
    'max_num_load_retries',
    default=5,
    type=_NOT_NEGATIVE,
    help='Largest number of further attempts to load a version.',
)
@_flag(
    'load_retry_interval_micros',
    default=60_000_000,
    type=_NOT_NEGATIVE,
    help='Microseconds before each of them.',
)
@_flag(
    'allow_version_labels_for_unavailable_models',
    **_BOOLEAN,
    help='Allow a new label to refer to a version that is not loaded yet.',
)
@_without_effect
def serve(**flags):
    """Serve pushed models over the gRPC and REST APIs of TensorFlow Serving, with its command line.

    A new version is warmed up before it replaces the old one, and no request is lost; a broken or incomplete
    version is skipped. Ctrl+C stops the server after pending requests are answered. To see TensorFlow's log,
    set TF_CPP_MIN_LOG_LEVEL=0 in the environment.

    \b
    Example:
      genco serve --model-base-path build/demo/serving/genco
    """
    settings = ServerSettings(**flags)
    if not settings.model_base_path and not settings.model_config_file:
        raise click.UsageError('Give --model-base-path or --model-config-file.')
    server = _build(settings)
    click.echo(f'genco: waiting for a version of {_what(settings)}')
    # After the imports, so that libraries do not replace the handlers.
    with _on_signals(server.request_stop):
        try:
            ports = server.start()
            if ports is not None:
                click.echo(f'genco: serving {_where(settings, ports)}; stop with Ctrl+C')
                server.wait()
        finally:
            server.stop()
    click.echo('genco: stopped')


@contextlib.contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Within the block, SIGINT and SIGTERM make a thread call `stop`.

    A handler would run in the main thread, which may hold the lock that `stop` needs. The thread reads what
    Python writes to a pipe when a signal arrives, no matter which thread the signal interrupts.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def wait() -> None:
        os.read(reader, 1)
        stop()

    thread = threading.Thread(target=wait, name='signals')
    thread.start()
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        os.write(writer, b'\0')
        thread.join()
        os.close(reader)
        os.close(writer)


def _what(settings: ServerSettings) -> str:
    if settings.model_config_file:
        return f'every model of {settings.model_config_file}'
    return f'model {settings.model_name} in {settings.model_base_path}'


def _where(settings: ServerSettings, ports) -> str:
    model = f'the models of {settings.model_config_file}'
    if not settings.model_config_file:
        model = f'model {settings.model_name}'
    rest = f', localhost:{ports.rest} (REST)' if ports.rest else ''
    return f'{model} at localhost:{ports.grpc} (gRPC){rest}'


def _build(settings: ServerSettings):
    from tfx_pipeline.console import captured_output as quiet

    quiet.prepare()
    if os.environ['TF_CPP_MIN_LOG_LEVEL'] == '3':
        _mute_native_libraries()
    logging.getLogger('tensorflow').setLevel(logging.ERROR)
    logging.basicConfig(format='genco: %(message)s')
    from serving.server.model_manager import gc_tuning
    from serving.server.model_server import ModelServer

    gc_tuning.prepare()
    return ModelServer(settings, _announce)


def _mute_native_libraries() -> None:
    """Discards what C++ code writes to stderr, which no setting silences; Python can still write to it."""
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
