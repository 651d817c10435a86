"""The verb `skew`, which compares the answers of a running server with those of its model."""

import os
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from creative_logs.errors import InputError
from tfx_pipeline.cli.options import catalogue_option, json_option, write_json
from tfx_pipeline.cli.server_options import server_options
from tfx_pipeline.serving_skew import Skew


@click.command()
@server_options
@click.option(
    '--model', 'folder', required=True, metavar='DIR', help='Folder of the pushed version, .../<number>.'
)
@click.option(
    '--from-logs', required=True, metavar='DIR', help='Folder of the Parquet logs to take requests from.'
)
@click.option(
    '--rows',
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help='Number of requests, newest day first.',
)
@click.option('--batch', type=click.IntRange(1), default=100, show_default=True, help='Requests per call.')
@click.option(
    '--tolerance',
    type=click.FloatRange(0),
    default=1e-5,
    show_default=True,
    help='Largest difference at which CTRs and probabilities count as equal.',
)
@catalogue_option
@json_option
def skew(target, folder, from_logs, rows, batch, tolerance, catalogue, json_path):
    """Compare a running server with its model, on logged requests.

    Sends the requests to the served version with the number of DIR, and runs the SavedModel in DIR on the
    same requests and seeds. Requests that brought content are repeated with that of the catalogue; where the
    catalogue lacks it, or where it has changed, they are left out and counted. The exit code is 1 if an answer
    differs, or if none could be compared.

    \b
    Example:
      genco skew --from-logs build/demo/logs --model build/demo/serving/genco/1795575780
    """
    from serving.client.client import ServerError

    version = Path(folder).name
    if not version.isdecimal() or not (Path(folder) / 'saved_model.pb').is_file():
        raise InputError(f'--model {folder}: must be a pushed version, a folder named by its number')
    found = Skew(tolerance)
    try:
        with target.connect(version=int(version)) as client:
            contract = client.contract()
            offline = _offline(folder)
            content = _content(from_logs, contract, rows, catalogue)
            for requests in _batches(from_logs, contract, rows, batch, content):
                _compare(client, contract, offline, requests, found)
    except ServerError as error:
        raise InputError(str(error)) from error
    write_json(json_path, {**found.to_json(), 'content': content.to_json()})
    _print(found, content, f'{target.address}, {target.model} version {version}, against {folder}')
    if content.unknown and not found.rows:
        raise click.ClickException('no answer was compared: the content of every request is unknown')
    if found.differing:
        raise click.ClickException(f'{found.differing} of {found.rows} answers differ from the model')


def _offline(model: str):
    from tfx_pipeline.console import captured_output as quiet

    quiet.prepare()
    with quiet.output_to(Path(os.devnull)):
        import tensorflow as tf

        loaded = tf.saved_model.load(model)
    function = loaded.signatures['serving_default']

    def answer(_, inputs: dict) -> dict[str, np.ndarray]:
        outputs = function(**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in outputs.items()}

    # The variables exist only as long as the loaded model, so the function holds a reference to it.
    return partial(answer, loaded)


def _content(logs: str, contract, rows: int, catalogue: str | None):
    from tfx_pipeline.logged_content import LoggedContent
    from tfx_pipeline.logged_requests import logged_rows

    return LoggedContent(contract, catalogue, logged_rows(logs, rows))


def _batches(logs: str, contract, rows: int, batch: int, content) -> Iterator[list]:
    from tfx_pipeline.cli.progress_bar import progress_bar
    from tfx_pipeline.logged_requests import logged_requests

    requests = logged_requests(logs, rows, contract, content)
    done = 0
    with progress_bar('comparing', 'rows') as advance:
        while chunk := list(islice(requests, batch)):
            yield chunk
            done += len(chunk)
            advance(done, rows)


def _compare(client, contract, offline, requests: list, found: Skew) -> None:
    from serving.client.request import encode_requests

    seeds = range(found.rows, found.rows + len(requests))
    inputs = encode_requests(requests, seeds, contract)
    found.add(requests, seeds, client.predict(requests, seeds).arrays, offline(inputs))


def _print(found: Skew, content, title: str) -> None:
    console = Console(width=None if os.isatty(1) else 110)
    table = Table('output', 'differing rows', 'largest difference', title=escape(title))
    for name, output in found.outputs.items():
        table.add_row(name, f'{output.differing:,}', f'{output.largest:.3g}')
    console.print(table)
    console.print(f'{found.rows:,} rows compared, {found.differing:,} differ', highlight=False)
    for reason, count in content.unknown.items():
        console.print(f'{count:,} rows not compared, content {reason}', highlight=False)
    if content.first is not None:
        element = f'{content.first["id"]!r} of {content.first["component"]!r}'
        console.print(f'first of these: {escape(element)}, {content.first["reason"]}', highlight=False)
    if found.first is not None:
        console.print(f'first: {escape(str(found.first))}', highlight=False)
