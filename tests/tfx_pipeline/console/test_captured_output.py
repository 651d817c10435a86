"""What libraries print does not reach the terminal; what is meant for it does."""

import os
import subprocess
import sys

import pytest

from tfx_pipeline.console import captured_output as quiet
from tfx_pipeline.runners.local_execution import BEAM_ARGS

FRESH = """
from tfx_pipeline.console import captured_output as quiet
quiet.prepare()
import sys
assert not any(name == 'tensorflow' or name == 'tfx_bsl' for name in sys.modules)
{body}
"""


def _run(body: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, '-c', FRESH.format(body=body)], capture_output=True, text=True)


def test_output_goes_to_the_log_and_the_stream_to_the_terminal(tmp_path):
    log = tmp_path / 'run.log'
    done = _run(f"""
import os, pathlib
with quiet.output_to(pathlib.Path({str(log)!r})) as terminal:
    print('python')
    os.write(2, b'native\\n')
    print('for the user', file=terminal, flush=True)
print('after')
""")
    assert done.returncode == 0, done.stderr
    assert sorted(log.read_text().splitlines()) == ['native', 'python']
    assert done.stderr == 'for the user\n'
    assert done.stdout == 'after\n'


def test_descriptors_come_back_after_an_error(tmp_path, capfd):
    before = sorted(os.listdir('/proc/self/fd'))
    with pytest.raises(ValueError, match='inside'), quiet.output_to(tmp_path / 'log'):
        raise ValueError('inside')
    os.write(1, b'visible')
    assert capfd.readouterr().out == 'visible'
    assert sorted(os.listdir('/proc/self/fd')) == before


def test_validation_can_be_imported_without_tfx():
    done = _run('import tensorflow_data_validation')
    assert done.returncode == 0, done.stderr


def test_the_users_own_settings_win():
    body = "import os; assert os.environ['TF_CPP_MIN_LOG_LEVEL'] == '0'"
    environment = os.environ | {'TF_CPP_MIN_LOG_LEVEL': '0'}
    subprocess.run([sys.executable, '-c', FRESH.format(body=body)], check=True, env=environment)


WORKER = """
import json, sys
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.worker.sdk_worker_main import create_harness
options = PipelineOptions({arguments!r}).get_all_options(drop_default=True)
environment = {{'PIPELINE_OPTIONS': json.dumps(options), 'CONTROL_API_SERVICE_DESCRIPTOR': ''}}
create_harness(environment, dry_run=True)
print('tfx_bsl.arrow.sql_util' in sys.modules)
"""


@pytest.mark.parametrize(('arguments', 'found'), [(list(BEAM_ARGS), 'True'), ([], 'False')])
def test_worker_processes_start_with_the_stand_in(arguments, found):
    done = subprocess.run(
        [sys.executable, '-c', WORKER.format(arguments=arguments)], capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1:] == [found], done.stderr
