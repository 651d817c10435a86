"""The verb `embed`, which makes vectors of the texts or pictures of creative elements. It needs no TensorFlow."""

import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from creative_logs.catalogue.schema import PICTURE, TEXT
from creative_logs.embedding.embed import EmbedReport
from creative_logs.embedding.embed import embed as embed_elements
from creative_logs.embedding.encoder import SENTENCES, find_encoder
from creative_logs.embedding.fates import Selection
from creative_logs.embedding.parts import LoggedTexts, Part, catalogue_parts
from creative_logs.errors import InputError
from tfx_pipeline.cli.options import json_option, set_option, writable, write_json
from tfx_pipeline.cli.progress_bar import progress_bar
from tfx_pipeline.config import load_config


@click.command()
@click.option(
    '--catalogue', metavar='PATH', help='Catalogue to embed: a Parquet file or a folder of such files.'
)
@click.option('--logs', metavar='DIR', help='Embed the texts in logs instead; needs --config and --out.')
@click.option('--config', 'config_path', metavar='FILE', help='With --logs: the configuration in YAML.')
@set_option
@click.option(
    '--out',
    metavar='FILE',
    callback=writable,
    help='Parquet file to write; its vectors are reused if it exists.  [default: the file of --catalogue]',
)
@click.option(
    '--component',
    'components',
    multiple=True,
    metavar='NAME',
    help='Embed elements of this component; may be given several times.  [default: all]',
)
@click.option(
    '--column',
    type=click.Choice([TEXT, PICTURE]),
    default=TEXT,
    show_default=True,
    help='What to embed of an element; picture needs an --encoder of your own.',
)
@click.option(
    '--encoder',
    default=SENTENCES,
    metavar='MODULE:ATTRIBUTE',
    help='Encoder to use, a Python object (docs/embedding.md).  [default: the packaged sentence encoder]',
)
@click.option('--all', 'again', is_flag=True, help='Also embed elements that have a vector.')
@click.option(
    '--batch-size',
    type=click.IntRange(1),
    default=256,
    show_default=True,
    help='Largest number of texts that the encoder is given at once.',
)
@click.option(
    '--threads', type=click.IntRange(1), help='Number of threads of the encoder.  [default: one per core]'
)
@json_option
def embed(
    catalogue: str | None,
    logs: str | None,
    config_path: str | None,
    overrides: tuple[str, ...],
    out: str | None,
    components: tuple[str, ...],
    column: str,
    encoder: str,
    again: bool,
    batch_size: int,
    threads: int | None,
    json_path: str | None,
):
    """Embed the texts of an element catalogue or of logs as vectors.

    Only elements without a vector are embedded. What has the same id and text in an existing --out takes its vector
    from there, so that a catalogue that is made anew every day costs what is new in it.

    \b
    Examples:
      genco embed --catalogue elements.parquet --out embedded.parquet
      genco embed --logs build/logs --config genco.yaml --out embedded.parquet
      genco embed --catalogue elements.parquet --component image --column picture --encoder my_encoders:clip
    """
    _check_arguments(catalogue, logs, config_path, overrides, out, column, encoder)
    output = _output(catalogue, out)
    is_source = catalogue is not None and output.resolve() == Path(catalogue).resolve()
    sys.path.append(os.getcwd())  # An encoder may be a file in the working folder.
    found = find_encoder(encoder, threads)
    read: Callable[[], Iterable[Part]]
    if catalogue is not None:
        read, changed = partial(catalogue_parts, catalogue), 0
    else:
        assert logs is not None and config_path is not None
        texts = LoggedTexts(logs, load_config(config_path, overrides).log_schema)
        read, changed = texts.parts, texts.changed
    with progress_bar('embedding', 'texts' if column == TEXT else 'pictures') as advance:
        report = embed_elements(
            read,
            output,
            found,
            Selection(frozenset(components) or None, column, again),
            earlier_output=output if output.exists() and not is_source else None,
            batch_size=batch_size,
            progress=advance,
        )
    write_json(json_path, report.to_json() | {'changed_texts': changed})
    _print(output, report, changed)


def _check_arguments(catalogue, logs, config_path, overrides, out, column, encoder) -> None:
    if (catalogue is None) == (logs is None):
        raise InputError('give either --catalogue PATH or --logs DIR')
    if logs is not None and (config_path is None or out is None):
        raise InputError('--logs needs --config FILE and --out FILE')
    if catalogue is not None and (config_path is not None or overrides):
        raise InputError('--config and --set need --logs DIR')
    if column == PICTURE and (logs is not None or encoder == SENTENCES):
        raise InputError(
            '--column picture needs --catalogue PATH and an --encoder of your own: the packaged one reads texts'
        )


def _output(catalogue: str | None, out: str | None) -> Path:
    """The file to write."""
    if catalogue is not None and Path(catalogue).is_dir():
        if out is None:
            raise InputError(f'--catalogue {catalogue}: is a folder, which needs --out FILE')
        if Path(out).resolve().parent == Path(catalogue).resolve():
            raise InputError(f'--out {out}: must not be in the folder of --catalogue; choose another place')
    path = out or catalogue
    assert path is not None
    return Path(path)


def _print(output: Path, report: EmbedReport, changed: int) -> None:
    title = f'{output}: {report.values:,} distinct values embedded'
    console = Console()
    columns = (
        'component',
        'embedded',
        'reused',
        'kept',
        'without vector',
        Column('encoder', overflow='fold'),
    )
    table = Table(*columns, title=escape(title))
    for name, counts in report.components.items():
        numbers = (counts.embedded, counts.reused, counts.kept, counts.absent)
        source = report.sources.get(name)
        label = 'not recorded' if counts.kept else ''
        table.add_row(
            escape(str(name)), *(f'{n:,}' for n in numbers), escape(source.encoder) if source else label
        )
    console.print(table)
    if changed:
        console.print(f'Ids that had several texts, of which the newest was taken: {changed:,}')
