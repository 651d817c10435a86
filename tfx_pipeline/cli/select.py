"""The verb `select`, which asks a server which creatives to show for one ad; it needs no TensorFlow."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from creative_logs.errors import InputError
from serving.client.client import ServerError
from serving.client.content import ElementContent
from serving.client.request import Exploration, SelectRequest
from serving.client.selection import GENCO, THOMPSON, UNIFORM, Selection
from tfx_pipeline.cli.options import catalogue_option, json_option, write_json
from tfx_pipeline.cli.server_options import server_options

_RUNNERS_UP = 5
_TITLES = {
    GENCO: 'Chosen',
    THOMPSON: 'Chosen with effects drawn from their posterior',
    UNIFORM: 'Chosen at random',
}
_KEYS = ('context', 'candidates', 'texts', 'seed', 'content')
_CONTENT_KEYS = ('text', 'attributes', 'vector')


@click.command()
@server_options
@click.option('--version', type=int, help='Number of the version to ask.  [default: the newest]')
@click.option('--version-label', help='Label of the version to ask, for example canary.')
@click.option(
    '--request',
    'request_path',
    metavar='FILE',
    help='JSON file with context, candidates and optionally texts, content and seed.',
)
@click.option(
    '--from-logs', metavar='DIR', help='Take a logged request from the Parquet logs in DIR instead.'
)
@click.option(
    '--ad',
    metavar='ID',
    help="With --from-logs: take the newest request of this ad.  [default: the newest day's first test request]",
)
@click.option(
    '--ad-column',
    default='ad_id',
    show_default=True,
    help='Name of the context feature that identifies the ad.',
)
@catalogue_option
@click.option('--seed', type=int, help='Random seed; equal seeds give equal answers.  [default: random]')
@click.option(
    '--temperature',
    type=float,
    help="Temperature of the generator, above 0; needs --epsilon.  [default: the model's]",
)
@click.option(
    '--epsilon',
    type=float,
    help='Probability of choosing a combination uniformly at random, 0 to 1; needs --temperature.',
)
@click.option(
    '--posterior-scale',
    type=float,
    default=0.0,
    help='Draw the effects of elements from their posterior, with standard deviations times this: 1 is Thompson '
    'sampling; needs --temperature and --epsilon.  [default: 0, no draws]',
)
@click.option(
    '--estimate-propensity',
    is_flag=True,
    help='Also ask for the estimated probability of the choice as a whole.',
)
@json_option
def select(
    target,
    version,
    version_label,
    request_path,
    from_logs,
    ad,
    ad_column,
    catalogue,
    seed,
    temperature,
    epsilon,
    posterior_scale,
    estimate_propensity,
    json_path,
):
    """Ask a server which creatives to show for one ad.

    Prints the chosen element of every component, its propensity and the posterior standard deviation of its
    effect in logits (std), the predicted CTR of the combination, and the best combinations that were not
    chosen. docs/serving.md shows a FILE for --request.

    \b
    Examples:
      genco select --from-logs build/demo/logs
      genco select --request request.json --address localhost:8500
      genco select --request request.json --temperature 1 --epsilon 0.1
      genco select --request request.json --temperature 1 --epsilon 0.05 --posterior-scale 1
    """
    if (request_path is None) == (from_logs is None):
        raise InputError('give either --request FILE or --from-logs DIR')
    if ad is not None and from_logs is None:
        raise InputError('--ad needs --from-logs DIR')
    if catalogue is not None and from_logs is None:
        raise InputError('--catalogue needs --from-logs DIR')
    exploration = _exploration(temperature, epsilon, posterior_scale)
    try:
        with target.connect(version, version_label) as client:
            if request_path is not None:
                request = read_request(request_path)
            else:
                from tfx_pipeline.logged_requests import logged_request

                request = logged_request(from_logs, ad, ad_column, client.contract(), catalogue)
            if seed is not None:
                request = dataclasses.replace(request, seed=seed)
            selection = client.select(request, exploration, estimate_propensity)
    except ServerError as error:
        raise InputError(str(error)) from error
    _print(request, selection, ad_column, target.model)
    write_json(json_path, {'ad': request.context.get(ad_column), **_figures(selection)})


def _exploration(
    temperature: float | None, epsilon: float | None, posterior_scale: float
) -> Exploration | None:
    if temperature is None and epsilon is None and not posterior_scale:
        return None
    if temperature is None or epsilon is None:
        both = 'give both of them' + (' with --posterior-scale' if posterior_scale else ' or neither')
        raise InputError(f'--temperature and --epsilon: {both}')
    return Exploration(temperature, epsilon, posterior_scale)


def read_request(path: str) -> SelectRequest:
    """Reads a request from a JSON file.

    Raises:
        InputError: The file cannot be read, is not a JSON object, has an unknown or missing key, or the
            content of an element breaks a rule.
    """
    try:
        data = json.loads(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from error
    except ValueError as error:
        raise InputError(f'{path}: not JSON in UTF-8: {error}') from error
    if not isinstance(data, dict) or not {'context', 'candidates'} <= data.keys() <= set(_KEYS):
        raise InputError(
            f'{path}: must be an object with context, candidates and optionally texts, content and seed'
        )
    return SelectRequest(**data | {'content': _read_content(path, data.get('content', {}))})


def _read_content(path: str, data) -> dict[str, dict[str, ElementContent]]:
    if not isinstance(data, dict) or not all(isinstance(elements, dict) for elements in data.values()):
        raise InputError(f'{path}: content must map components to objects of ids and contents')
    found: dict[str, dict[str, ElementContent]] = {}
    for component, elements in data.items():
        found[component] = {}
        for id_, values in elements.items():
            where = f'{path}: content of element {id_!r} of component {component!r}'
            if not isinstance(values, dict) or not values.keys() <= set(_CONTENT_KEYS):
                raise InputError(f'{where}: must be an object with {", ".join(_CONTENT_KEYS)}')
            try:
                found[component][id_] = ElementContent(**values)
            except InputError as error:
                raise InputError(f'{where}: {error}') from error
    return found


def _print(request: SelectRequest, selection: Selection, ad_column: str, model_name: str) -> None:
    console = Console()
    console.print(
        f'Ad {escape(str(request.context.get(ad_column, "")))}: predicted CTR [bold]{selection.ctr:.2%}[/] '
        f'(model {escape(model_name)}, version {selection.model_version}, seed {selection.seed})',
        highlight=False,
    )
    estimated = selection.choice_propensity is not None
    told = any(choice.effect_std is not None for choice in selection.choices.values())
    columns = ('component', 'index', 'element', *['std'] * told, 'propensity')
    chosen = _table(_TITLES.get(selection.policy, 'Chosen'), (*columns, *['choice propensity'] * estimated))
    for name, choice in selection.choices.items():
        std = [f'{choice.effect_std:.3f}'] if told else []
        estimate = [f'{choice.choice_propensity:.4f}'] if estimated else []
        figures = (*std, f'{choice.propensity:.4f}', *estimate)
        chosen.add_row(name, str(choice.index), escape(choice.id), *figures)
    console.print(chosen)
    best = selection.runners_up[:_RUNNERS_UP]
    if not best:
        return
    others = _table('Runners-up', ('CTR', *selection.choices))
    for runner_up in best:
        others.add_row(f'{runner_up.ctr:.2%}', *(escape(choice.id) for choice in runner_up.choices.values()))
    console.print(others)


def _table(title: str, columns: Iterable[str]) -> Table:
    # A long id is wrapped in a narrow terminal; by default, it would be cut off.
    folding = [Column(escape(name), overflow='fold') for name in columns]
    return Table(*folding, title=title, title_justify='left')


def _figures(selection: Selection) -> dict:
    return {
        'model_version': selection.model_version,
        'seed': selection.seed,
        'policy': selection.policy,
        'ctr': selection.ctr,
        'choice_propensity': selection.choice_propensity,
        'choices': {name: dataclasses.asdict(choice) for name, choice in selection.choices.items()},
        'runners_up': [
            {
                'ctr': other.ctr,
                'choices': {n: {'index': c.index, 'id': c.id} for n, c in other.choices.items()},
            }
            for other in selection.runners_up
        ],
    }
