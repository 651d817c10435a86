"""The wheel in a fresh environment without extras: the client and the decision log work, and little else is there."""

from pathlib import Path

import pytest

from serving.client.client import CreativeClient
from tests.packaging import base_session
from tests.packaging.helpers import ROOT, run
from tests.serving.helpers import PATIENCE_S
from tfx_pipeline.version import VERSION

# pyarrow, which writes the Parquet files of the decision log, has 131 MB of these 250, numpy 73, grpcio 19.
LARGEST_MB = 265


@pytest.fixture
def genco(base_install, tmp_path):
    def call(*arguments):
        done = run([base_install.folder / 'bin' / 'genco', *arguments], cwd=tmp_path)
        return done.returncode, done.stdout, done.stderr

    return call


def test_client_and_decision_log_work(base_install, shared_server, tmp_path):
    command = [
        base_install.python,
        '-I',
        Path(base_session.__file__),
        shared_server.address,
        tmp_path / 'log',
    ]
    done = run(command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with CreativeClient(shared_server.address, timeout_s=PATIENCE_S) as client:
        selection = client.select(base_session.REQUEST)
    assert done.stdout.split() == [selection.choices['title'].id]


def test_it_is_small(base_install):
    assert base_install.size() / 1e6 < LARGEST_MB


def test_verbs_for_logs_work(genco, tmp_path):
    assert genco('--version') == (0, f'{VERSION}\n', '')
    status, _, errors = genco('simulate', '--out', 'logs', '--ads', 20, '--days', 1, '--rows', 500)
    assert status == 0, errors
    (tmp_path / 'demo.yaml').write_text((ROOT / 'configs' / 'demo.yaml').read_text())
    paths = ('--set', 'paths.logs=logs', '--set', 'paths.catalogue=logs/catalogue.parquet')
    status, _, errors = genco('check', '--config', 'demo.yaml', *paths)
    assert status == 0, errors


@pytest.mark.parametrize('verb', ['embed', 'run', 'refresh', 'evaluate', 'serve', 'skew', 'bench'])
def test_other_verbs_say_in_one_line_what_they_need(genco, verb):
    status, out, errors = genco(verb)
    assert (status, out) == (2, '')
    assert len(errors.splitlines()) == 1 and errors.startswith(f'genco {verb} needs ')


def test_run_names_its_extra(genco):
    message = "genco run needs the extra pipeline: pip install 'genco[pipeline]'\n"
    assert genco('run', '--config', 'demo.yaml') == (2, '', message)
