"""The console command `genco`. Verbs are imported only when called: most of them need no TensorFlow."""

import importlib
import sys

import click

from creative_logs.errors import InputError

_VERBS = {
    'simulate': ('tfx_pipeline.cli.logs', 'Write simulated click logs whose true CTRs are known.'),
    'convert': ('tfx_pipeline.cli.logs', 'Convert the Upworthy Research Archive to click logs.'),
    'check': ('tfx_pipeline.cli.logs', 'Check click logs against the configuration.'),
    'run': ('tfx_pipeline.cli.run', 'Run the pipeline: logs in, evaluated model pushed.'),
    'evaluate': ('tfx_pipeline.cli.evaluate', 'Measure an exported model on the test split of logs.'),
    'serve': ('tfx_pipeline.cli.serve', 'Serve pushed models over gRPC and REST.'),
    'select': ('tfx_pipeline.cli.serve', 'Ask a server which creatives to show for one ad.'),
    'join': ('tfx_pipeline.cli.join', 'Join logged decisions with clicks into click logs.'),
    'skew': ('tfx_pipeline.cli.skew', 'Compare a running server with its model, on logged requests.'),
    'bench': ('tfx_pipeline.cli.bench', 'Run a benchmark by its name.'),
}
EXIT_INPUT_ERROR = 2


class _LazyGroup(click.Group):
    def list_commands(self, ctx):
        return list(_VERBS)

    def get_command(self, ctx, name):
        if name not in _VERBS:
            return None
        return getattr(importlib.import_module(_VERBS[name][0]), name)

    def format_commands(self, ctx, formatter):
        with formatter.section('Commands'):
            formatter.write_dl([(name, text) for name, (_, text) in _VERBS.items()])


@click.group(cls=_LazyGroup, context_settings={'help_option_names': ['-h', '--help']})
@click.version_option(package_name='genco', message='%(version)s')
def genco():
    """GenCO learns from click logs which combination of creative elements to show for an ad.

    \b
    A first session:
      genco simulate --out build/demo/logs --ads 300 --days 5 --rows 50000 --test-share 0.2
      genco run --config configs/demo.yaml
      genco serve --model-base-path build/demo/serving/genco
      genco select --from-logs build/demo/logs       (in another terminal)

    What can go wrong and what to do then is in docs/errors.md.
    """


def main() -> None:
    """Entry point: an error is one line on stderr; exit code 2 for bad input, 1 for a failed step."""
    try:
        genco.main(prog_name='genco', standalone_mode=False)
    except InputError as error:
        click.echo(f'genco: {error}', err=True)
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
