"""The console command `genco`. Verbs are imported only when called: help and client verbs need no TensorFlow."""

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
    'serve': ('tfx_pipeline.cli.serve', 'Serve pushed models over gRPC.'),
    'select': ('tfx_pipeline.cli.serve', 'Ask a server which creatives to show for one ad.'),
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

    A first session: simulate logs, run the pipeline on them, serve the model, select creatives.
    """


def main() -> None:
    """Entry point: bad input is one line on stderr and exit code 2."""
    try:
        genco.main(standalone_mode=False)
    except InputError as error:
        click.echo(f'genco: {error}', err=True)
        sys.exit(EXIT_INPUT_ERROR)
    except click.exceptions.Abort:
        click.echo('genco: interrupted', err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
