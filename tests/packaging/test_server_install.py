"""The server serves where neither TFX nor Beam is installed."""

import os
import re
import signal
import subprocess
import sys

import pytest

from serving.client.client import CreativeClient
from tests.packaging import base_session
from tests.packaging.helpers import ROOT
from tests.serving.helpers import PATIENCE_S, push

WITHOUT_TFX = """
import sys
for name in ('tfx', 'tfx_bsl', 'apache_beam', 'tensorflow_transform', 'ml_metadata', 'tensorflow_recommenders'):
    sys.modules[name] = None
from tfx_pipeline.cli import main
main()
"""


@pytest.mark.parametrize('flags', [(), ('--enable_batching',)], ids=['threads', 'batching'])
def test_a_server_without_tfx_answers(exported, tmp_path, flags):
    push(exported[0], tmp_path, 1)
    command = [
        sys.executable,
        '-c',
        WITHOUT_TFX,
        'serve',
        '--model-base-path',
        str(tmp_path),
        '--port',
        '0',
        *flags,
    ]
    environment = os.environ | {'PYTHONPATH': str(ROOT), 'PYTHONUNBUFFERED': '1'}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            lines = (re.search(r'serving .* at (localhost:\d+)', line) for line in server.stdout)
            address = next(line for line in lines if line)[1]
            with CreativeClient(address, timeout_s=PATIENCE_S) as client:
                assert client.select(base_session.REQUEST).choices.keys() == {'title', 'image'}
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=PATIENCE_S)
    assert server.returncode == 0
