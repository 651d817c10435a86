"""Verb `select`: asks a server which creatives to show for one ad. Needs no TensorFlow."""

import dataclasses
import json
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from creative_logs.errors import InputError
from serving.client import CreativeClient, ServerError
from serving.request import SelectRequest
from serving.selection import Selection
from tfx_pipeline.cli.options import address_option, json_option, write_json

_RUNNERS_UP = 5
_KEYS = ('context', 'candidates', 'texts', 'seed')


@click.command()
@address_option
@click.option('--model-name', default='genco', show_default=True, help='Name of the model at the server.')
@click.option(
    '--request', 'request_path', metavar='FILE', help='JSON: context, candidates, and maybe texts, seed.'
)
@click.option('--from-logs', metavar='DIR', help='Take a logged request from these Parquet logs instead.')
@click.option(
    '--ad', metavar='ID', help='With --from-logs: the newest request of this ad [the newest test request].'
)
@click.option(
    '--ad-column', default='ad_id', show_default=True, help='Context feature that identifies the ad.'
)
@click.option('--seed', type=int, help='Equal seeds give equal answers [random].')
@click.option(
    '--timeout', default=5.0, show_default=True, type=click.FloatRange(0, min_open=True), help='Seconds.'
)
@json_option
def select(address, model_name, request_path, from_logs, ad, ad_column, seed, timeout, json_path):
    """Ask a server which creatives to show for one ad.

    Prints the chosen element of every component, its propensity, the predicted CTR of the combination,
    and the best combinations that were not chosen. docs/serving.md shows a FILE for --request.

    \b
    Examples:
      genco select --from-logs build/demo/logs
      genco select --request request.json --address localhost:8500
    """
    if (request_path is None) == (from_logs is None):
        raise InputError('give either --request FILE or --from-logs DIR')
    if ad is not None and from_logs is None:
        raise InputError('--ad needs --from-logs DIR')
    try:
        with CreativeClient(address, model_name, timeout) as client:
            if request_path is not None:
                request = read_request(request_path)
            else:
                from tfx_pipeline.cli.logged_request import logged_request

                request = logged_request(from_logs, ad, ad_column, client.contract())
            if seed is not None:
                request = dataclasses.replace(request, seed=seed)
            selection = client.select(request)
    except ServerError as error:
        raise InputError(str(error)) from error
    _print(request, selection, ad_column, model_name)
    write_json(json_path, {'ad': request.context.get(ad_column), **_figures(selection)})


def read_request(path: str) -> SelectRequest:
    """Reads a request from a JSON file.

    Raises:
        InputError: the file cannot be read, is no JSON object, or has an unknown or missing key.
    """
    try:
        data = json.loads(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from error
    except ValueError as error:
        raise InputError(f'{path}: not JSON in UTF-8: {error}') from error
    if not isinstance(data, dict) or not {'context', 'candidates'} <= data.keys() <= set(_KEYS):
        raise InputError(f'{path}: must be an object with context, candidates, and maybe texts and seed')
    return SelectRequest(**data)


def _print(request: SelectRequest, selection: Selection, ad_column: str, model_name: str) -> None:
    console = Console()
    console.print(
        f'Ad {escape(str(request.context.get(ad_column, "")))}: predicted CTR [bold]{selection.ctr:.2%}[/] '
        f'(model {escape(model_name)}, version {selection.model_version}, seed {selection.seed})',
        highlight=False,
    )
    chosen = Table('component', 'index', 'element', 'propensity', title='Chosen', title_justify='left')
    for name, choice in selection.choices.items():
        chosen.add_row(name, str(choice.index), escape(choice.id), f'{choice.propensity:.4f}')
    console.print(chosen)
    best = selection.runners_up[:_RUNNERS_UP]
    if not best:
        return
    others = Table('CTR', *selection.choices, title='Runners-up', title_justify='left')
    for runner_up in best:
        others.add_row(f'{runner_up.ctr:.2%}', *(escape(choice.id) for choice in runner_up.choices.values()))
    console.print(others)


def _figures(selection: Selection) -> dict:
    return {
        'model_version': selection.model_version,
        'seed': selection.seed,
        'ctr': selection.ctr,
        'choices': {
            name: {'index': choice.index, 'id': choice.id, 'propensity': choice.propensity}
            for name, choice in selection.choices.items()
        },
        'runners_up': [
            {
                'ctr': other.ctr,
                'choices': {n: {'index': c.index, 'id': c.id} for n, c in other.choices.items()},
            }
            for other in selection.runners_up
        ],
    }
