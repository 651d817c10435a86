import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from creative_logs.embedding.sentence_encoder import SentenceEncoder
from tests.creative_logs.embedding.helpers import element, vector_of, vectors_of, write_catalogue
from tests.creative_logs.examples import good_row, write_logs

COUNTING = 'tests.creative_logs.embedding.helpers:CountingEncoder'
CONFIG = """
name: small
paths: {logs: logs, root: root, serving: serving}
log_schema:
  context: [{name: ad_id}]
  components: [{name: title, text: true}, {name: image}]
"""


@pytest.fixture
def genco(genco, monkeypatch, tmp_path):
    """Exit code, stdout and stderr of `genco embed <arguments>` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'path', list(sys.path))
    return lambda *arguments: genco('embed', *arguments)


@pytest.fixture
def catalogue(tmp_path) -> Path:
    return write_catalogue(
        tmp_path / 'in.parquet', element('a', 'Buy now'), element('b', 'Sell'), element('c')
    )


def test_the_packaged_encoder_is_the_default(genco, catalogue, tmp_path):
    code, out, err = genco('--catalogue', catalogue, '--out', 'new/out.parquet')
    assert code == 2 and '--out new/out.parquet' in err
    code, out, err = genco(
        '--catalogue', catalogue, '--out', 'out.parquet', '--threads', 1, '--json', 'figures.json'
    )
    assert (code, err) == (0, '') and '2 distinct values embedded' in out
    vectors = vectors_of(tmp_path / 'out.parquet')
    expected = SentenceEncoder().encode(['Buy now', 'Sell'])
    np.testing.assert_allclose([vectors['title', 'a'], vectors['title', 'b']], expected, atol=1e-6)
    assert vectors['title', 'c'] is None
    figures = json.loads((tmp_path / 'figures.json').read_text())
    assert figures['values'] == 2 and figures['components']['title']['embedded'] == 2


def test_a_catalogue_is_embedded_in_place_and_what_is_known_is_kept(genco, catalogue):
    assert genco('--catalogue', catalogue, '--encoder', COUNTING)[0] == 0
    assert vectors_of(catalogue)['title', 'b'] == vector_of('Sell')
    code, out, _ = genco('--catalogue', catalogue, '--encoder', COUNTING)
    assert code == 0 and '0 distinct values embedded' in out
    code, out, _ = genco('--catalogue', catalogue, '--encoder', COUNTING, '--all')
    assert code == 0 and '2 distinct values embedded' in out


def test_the_vectors_of_an_existing_output_are_reused(genco, catalogue):
    arguments = ('--catalogue', catalogue, '--out', 'out.parquet', '--encoder', COUNTING)
    genco(*arguments)
    write_catalogue(catalogue, element('a', 'Buy now'), element('b', 'Sell!'))
    code, out, _ = genco(*arguments, '--batch-size', 1)
    assert code == 0 and '1 distinct values embedded' in out
    assert vectors_of(Path('out.parquet')) == {
        ('title', 'a'): vector_of('Buy now'),
        ('title', 'b'): vector_of('Sell!'),
    }


def test_texts_in_logs_become_a_catalogue(genco, tmp_path):
    write_logs(tmp_path / 'logs', [good_row(title_text=['New', 'Now'])], days=('2024-01-02',))
    write_logs(tmp_path / 'logs', [good_row()], days=('2024-01-01',))
    (tmp_path / 'genco.yaml').write_text(CONFIG)
    code, out, err = genco(
        '--logs', 'logs', '--config', 'genco.yaml', '--out', 'out.parquet', '--encoder', COUNTING
    )
    assert (code, err) == (0, '') and 'had several texts, of which the newest was taken: 1' in out
    assert vectors_of(tmp_path / 'out.parquet') == {
        ('title', 't1'): vector_of('New'),
        ('title', 't2'): vector_of('Now'),
    }


def test_an_encoder_in_the_working_folder_reads_pictures(genco, tmp_path):
    (tmp_path / 'their_pictures.py').write_text(
        'from tests.creative_logs.embedding.helpers import Renamed\npictures = Renamed()\n'
    )
    rows = [element('i', component='image', picture='shoe.png'), element('t', 'Buy')]
    catalogue = write_catalogue(tmp_path / 'in.parquet', *rows)
    encoder = ('--encoder', 'their_pictures:pictures', '--column', 'picture')
    assert genco('--catalogue', catalogue, '--component', 'image', *encoder)[0] == 0
    assert vectors_of(catalogue) == {('image', 'i'): vector_of('shoe.png'), ('title', 't'): None}


@pytest.mark.parametrize(
    'arguments, message',
    [
        ((), 'give either --catalogue PATH or --logs DIR'),
        (('--catalogue', 'in.parquet', '--logs', 'logs'), 'give either --catalogue PATH or --logs DIR'),
        (('--logs', 'logs', '--out', 'out.parquet'), '--logs needs --config FILE and --out FILE'),
        (('--logs', 'logs', '--config', 'genco.yaml'), '--logs needs --config FILE and --out FILE'),
        (('--catalogue', 'in.parquet', '--config', 'genco.yaml'), '--config and --set need --logs DIR'),
        (('--catalogue', 'in.parquet', '--set', 'a=1'), '--config and --set need --logs DIR'),
        (('--catalogue', 'in.parquet', '--column', 'picture'), '--column picture needs'),
        (('--catalogue', 'in.parquet', '--column', 'attributes'), "Invalid value for '--column'"),
        (('--catalogue', 'in.parquet', '--batch-size', '0'), "Invalid value for '--batch-size'"),
        (('--catalogue', 'in.parquet', '--threads', '0'), "Invalid value for '--threads'"),
        (('--catalogue', 'in.parquet', '--component', 'titel'), "no element of component 'titel'"),
        (('--catalogue', 'none.parquet'), 'none.parquet: no such catalogue'),
        (('--catalogue', 'folder'), '--catalogue folder: is a folder, which needs --out FILE'),
        (
            ('--catalogue', 'folder', '--out', 'folder/out.parquet'),
            'must not be in the folder of --catalogue',
        ),
        (('--catalogue', 'in.parquet', '--encoder', 'no_such_module:clip'), 'cannot be imported'),
        (('--catalogue', 'in.parquet', '--encoder', 'clip'), 'must look like module:attribute'),
    ],
)
def test_wrong_arguments_are_one_line(genco, catalogue, tmp_path, arguments, message):
    (tmp_path / 'folder').mkdir()
    before = sorted(tmp_path.rglob('*'))
    code, out, err = genco(*arguments)
    assert (code, out) == (2, '') and message in err and len(err.splitlines()) == 1
    assert sorted(tmp_path.rglob('*')) == before


def test_a_killed_run_leaves_the_file_as_it_was(catalogue, tmp_path):
    (tmp_path / 'deadly.py').write_text(
        'import os, signal\n'
        'from tests.creative_logs.embedding.helpers import CountingEncoder\n'
        'class Deadly(CountingEncoder):\n'
        '    def encode(self, texts):\n'
        '        if self.batches:\n'
        '            os.kill(os.getpid(), signal.SIGKILL)\n'
        '        return super().encode(texts)\n'
    )
    before = catalogue.read_bytes()
    root = Path(__file__).parents[2]
    program = f'import sys; sys.path.insert(0, {str(root)!r}); from tfx_pipeline.cli import main; main()'
    arguments = ['embed', '--catalogue', 'in.parquet', '--encoder', 'deadly:Deadly', '--batch-size', '1']
    done = subprocess.run([sys.executable, '-c', program, *arguments], cwd=tmp_path, timeout=120)
    assert done.returncode == -9
    assert catalogue.read_bytes() == before
    assert list(tmp_path.glob('*.parquet')) == [catalogue]
    assert pq.read_table(catalogue).num_rows == 3
