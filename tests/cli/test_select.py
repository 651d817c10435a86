"""The verb `select`, with a server in this process."""

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.client.request import Exploration, SelectRequest
from serving.client.selection import Choice, RunnerUp, Selection
from serving.server.model_server import ModelServer
from tests.creative_logs.catalogue.helpers import element, write
from tests.serving.certificates import write_certificate
from tests.serving.helpers import PATIENCE_S, push, settings_of
from tfx_pipeline.cli.select import _print

REQUEST = {
    'context': {'user_id': 'u0', 'ad_id': 'ad0', 'hour': 0, 'age': 20.0, 'query_terms': ['red']},
    'candidates': {'title': ['[t]0', 't1'], 'image': ['i0', 'i1']},
    'texts': {'title': ['Buy', 'Look']},
    'seed': 7,
}


@pytest.fixture
def request_file(tmp_path):
    path = tmp_path / 'request.json'
    path.write_text(json.dumps(REQUEST), encoding='utf-8')
    return path


@pytest.fixture
def select(genco, shared_server):
    return lambda *arguments: genco(
        'select', '--address', shared_server.address, '--timeout', PATIENCE_S, *arguments
    )


def test_prints_and_writes_the_choice(select, shared_server, request_file, tmp_path):
    status, out, err = select('--request', request_file, '--json', tmp_path / 'out.json')
    assert (status, err) == (0, '')
    figures = json.loads((tmp_path / 'out.json').read_text())
    with shared_server.client() as client:
        selection = client.select(SelectRequest(**REQUEST))
    assert (figures['ad'], figures['model_version'], figures['seed']) == ('ad0', 1, 7)
    assert figures['ctr'] == selection.ctr
    for name, choice in selection.choices.items():
        assert figures['choices'][name] == {
            'index': choice.index,
            'id': choice.id,
            'propensity': choice.propensity,
            'choice_propensity': None,
            'effect_std': choice.effect_std,
        }
        assert f'{choice.effect_std:.3f} │ {choice.propensity:.4f}' in out
    assert [other['ctr'] for other in figures['runners_up']] == [other.ctr for other in selection.runners_up]
    assert f'Ad ad0: predicted CTR {selection.ctr:.2%}' in out
    assert f'{selection.runners_up[0].ctr:.2%}' in out
    assert '[t]0' in out


def test_explores(select, shared_server, request_file, tmp_path):
    arguments = ('--temperature', 0.5, '--epsilon', 1, '--estimate-propensity', '--version', 1)
    status, out, err = select('--request', request_file, *arguments, '--json', tmp_path / 'out.json')
    assert (status, err) == (0, '')
    figures = json.loads((tmp_path / 'out.json').read_text())
    with shared_server.client() as client:
        selection = client.select(SelectRequest(**REQUEST), Exploration(0.5, 1.0), estimate_propensity=True)
    assert figures['policy'] == 'uniform'
    assert figures['choice_propensity'] == selection.choice_propensity == 0.25
    assert [choice['choice_propensity'] for choice in figures['choices'].values()] == [0.5, 0.5]
    assert 'Chosen at random' in out and 'choice propensity' in out and '0.5000' in out


def test_draws_effects(select, shared_server, request_file, tmp_path):
    arguments = ('--temperature', 0.5, '--epsilon', 0, '--posterior-scale', 2)
    status, out, err = select('--request', request_file, *arguments, '--json', tmp_path / 'out.json')
    assert (status, err) == (0, '')
    figures = json.loads((tmp_path / 'out.json').read_text())
    with shared_server.client() as client:
        selection = client.select(SelectRequest(**REQUEST), Exploration(0.5, 0.0, 2.0))
    assert figures['policy'] == 'thompson' and 'Chosen with effects drawn from their posterior' in out
    expected = {name: choice.propensity for name, choice in selection.choices.items()}
    assert {name: choice['propensity'] for name, choice in figures['choices'].items()} == expected


@pytest.mark.parametrize(
    'arguments, message',
    [
        (('--temperature', 1), 'give both of them or neither'),
        (('--epsilon', 1), 'give both of them or neither'),
        (('--posterior-scale', 1), 'give both of them with --posterior-scale'),
        (
            ('--temperature', 1, '--epsilon', 0, '--posterior-scale', -1),
            'posterior_scale: must be at least 0',
        ),
    ],
)
def test_incomplete_explorations(select, request_file, arguments, message):
    _assert_one_line(select('--request', request_file, *arguments), message)


def test_talks_tls(genco, exported, base_path, tmp_path, request_file):
    push(exported[0], base_path, 1)
    certificate, key = write_certificate(tmp_path)
    ssl_config = tmp_path / 'ssl.config'
    pem = {'server_key': key, 'server_cert': certificate}
    ssl_config.write_text('\n'.join(f'{name}: {json.dumps(file.read_text())}' for name, file in pem.items()))
    server = ModelServer(settings_of(base_path, port=0, ssl_config_file=ssl_config))
    try:
        address = ('--address', f'localhost:{server.start().grpc}', '--timeout', PATIENCE_S)
        status, out, err = genco(
            'select', '--request', request_file, *address, '--root-certificates', certificate
        )
    finally:
        server.stop()
    assert (status, err) == (0, '')
    assert 'Ad ad0: predicted CTR' in out


def test_seed_option_wins(select, request_file, tmp_path):
    select('--request', request_file, '--seed', 11, '--json', tmp_path / 'out.json')
    assert json.loads((tmp_path / 'out.json').read_text())['seed'] == 11


def test_needs_no_tensorflow(shared_server, request_file):
    arguments = ['genco', 'select', '--address', shared_server.address, '--request', str(request_file)]
    code = (
        f'import sys; sys.argv = {arguments!r}\n'
        'from tfx_pipeline.cli import main\nmain()\n'
        'assert "tensorflow" not in sys.modules'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, '')


@pytest.fixture
def logs(tmp_path):
    """Two days; ad0 is last seen on the first, ad1 on both."""
    rows = {
        '2024-01-01': {
            'train': [('ad0', 5, 'old'), ('ad0', 9, 'newest'), ('ad1', 3, 'first day')],
            'test': [('ad0', 7, 'middle')],
        },
        '2024-01-02': {
            'train': [('ad1', 20, 'train')],
            'test': [('ad1', 15, 'first'), ('ad1', 16, 'second')],
        },
    }
    for day, splits in rows.items():
        for split, impressions in splits.items():
            folder = tmp_path / 'logs' / day / split
            folder.mkdir(parents=True)
            pq.write_table(
                pa.Table.from_pylist([_impression(*i) for i in impressions]), folder / 'part.parquet'
            )
    return tmp_path / 'logs'


def _impression(ad, timestamp, image):
    return {
        **REQUEST['context'],
        'query_terms': None,
        'ad_id': ad,
        'timestamp': timestamp,
        'title_candidates': ['t0', 't1'],
        'title_text': ['Buy', 'Look'],
        'title_shown': 0,
        'image_candidates': [image],
        'button_candidates': [],
        'click': 0,
    }


@pytest.mark.parametrize(
    'arguments, ad, image',
    [((), 'ad1', 'first'), (('--ad', 'ad0'), 'ad0', 'newest'), (('--ad', 'ad1'), 'ad1', 'train')],
)
def test_from_logs(select, logs, tmp_path, arguments, ad, image):
    status, _, err = select('--from-logs', logs, *arguments, '--json', tmp_path / 'out.json')
    assert (status, err) == (0, '')
    figures = json.loads((tmp_path / 'out.json').read_text())
    assert (figures['ad'], figures['choices']['image']['id']) == (ad, image)
    assert list(figures['choices']) == ['title', 'image']


def test_logs_without_a_column_of_the_model(select, logs):
    file = logs / '2024-01-02' / 'test' / 'part.parquet'
    pq.write_table(pq.read_table(file).drop_columns(['hour']), file)
    _assert_one_line(select('--from-logs', logs), "column 'hour' is missing")


def test_texts_come_from_the_logs_or_from_a_catalogue(select, logs, tmp_path):
    file = logs / '2024-01-02' / 'test' / 'part.parquet'
    pq.write_table(pq.read_table(file).drop_columns(['title_text']), file)
    message = (
        "column 'title_text' is missing, but the served model needs it; if the texts come from a catalogue, "
    )
    _assert_one_line(select('--from-logs', logs), message + 'give --catalogue')
    catalogue = write(tmp_path / 'catalogue.parquet', element(id='t0', vector=None))
    status, out, err = select('--from-logs', logs, '--catalogue', catalogue)
    assert (status, err) == (0, '') and 'Ad ad1' in out


def test_unreadable_log(select, logs):
    (logs / '2024-01-02' / 'test' / 'part.parquet').write_bytes(b'no Parquet')
    _assert_one_line(select('--from-logs', logs), 'cannot be read: ')


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--ad', '\udcff'], 'cannot be read: '),
        (['--ad', 'nobody'], "holds no request with ad_id 'nobody'"),
        (['--ad', 'ad0', '--ad-column', 'campaign'], "has no column 'campaign'"),
    ],
)
def test_unknown_ad(select, logs, arguments, message):
    _assert_one_line(select('--from-logs', logs, *arguments), message)


@pytest.mark.parametrize(
    'content, message',
    [
        (b'{', 'not JSON in UTF-8'),
        (b'\xff', 'not JSON in UTF-8'),
        (b'[]', 'must be an object with context, candidates'),
        (b'{"context": {}}', 'must be an object with context, candidates'),
        (b'{"context": {}, "candidates": {}, "sead": 1}', 'must be an object with context, candidates'),
        (b'{"context": {}, "candidates": {}}', "context feature 'ad_id' is missing"),
    ],
)
def test_bad_request_file(select, request_file, content, message):
    request_file.write_bytes(content)
    _assert_one_line(select('--request', request_file), message)


def test_missing_request_file(select, tmp_path):
    _assert_one_line(select('--request', tmp_path / 'nowhere.json'), 'cannot be read: No such file')


def test_options_that_exclude_each_other(select, request_file, logs):
    for arguments in [(), ('--request', request_file, '--from-logs', logs)]:
        _assert_one_line(select(*arguments), 'give either --request FILE or --from-logs DIR')
    _assert_one_line(select('--request', request_file, '--ad', 'x'), '--ad needs --from-logs DIR')


def test_model_that_is_not_loaded(select, request_file):
    _assert_one_line(
        select('--request', request_file, '--model-name', 'other'), "serves no version of model 'other'"
    )


@pytest.mark.parametrize('address', ['', 'localhost', ':8500', 'here:', 'here:x', 'here:65536'])
def test_address_without_host_or_port(genco, request_file, address):
    result = genco('select', '--address', address, '--request', request_file)
    _assert_one_line(result, f'--address {address!r}: must be HOST:PORT')


def test_server_that_is_not_there(genco, request_file):
    result = genco('select', '--address', 'localhost:1', '--request', request_file)
    _assert_one_line(result, 'localhost:1: not reachable')


def _assert_one_line(result, message):
    status, out, err = result
    assert (status, out) == (2, '')
    assert err.startswith('genco: ') and err.count('\n') == 1 and message in err


def test_narrow_terminals_show_whole_ids(monkeypatch, capsys):
    monkeypatch.setenv('COLUMNS', '80')
    ids = {f'component_number_{i}': f'element_with_a_long_id_{i}' for i in range(6)}
    selection = Selection(
        choices={name: Choice(i, id_, 0.5) for i, (name, id_) in enumerate(ids.items())},
        ctr=0.1,
        runners_up=(RunnerUp({name: Choice(0, id_) for name, id_ in ids.items()}, ctr=0.05),),
        seed=1,
        policy='genco',
        model_version=1,
    )
    _print(SelectRequest({}, {}), selection, 'ad_id', 'genco')
    chosen, runners_up = capsys.readouterr().out.split('Runners-up')
    assert all(name in chosen and id_ in chosen for name, id_ in ids.items())
    lines = [line.strip('┃│').split('┃' if '┃' in line else '│') for line in runners_up.splitlines()]
    columns = list(zip(*(cells for cells in lines if len(cells) == 1 + len(ids))))
    shown = [''.join(cell.strip() for cell in column) for column in columns]
    assert shown == ['CTR5.00%', *(name + id_ for name, id_ in ids.items())]
