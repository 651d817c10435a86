"""Content on its way: asked for, logged, and repeated by `skew` and `select` from a catalogue."""

import dataclasses
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creative_logs.schema import Component, Content, ContextFeature, LogSchema
from serving.client.client import CreativeClient
from serving.client.content import ElementContent
from serving.client.contract import ContentInputs
from serving.client.request import SelectRequest
from serving.decisions.log import DecisionLog
from tests.creative_logs.catalogue.helpers import write
from tests.serving import content_model
from tests.serving.content_model import worth
from tests.serving.helpers import MODEL, PATIENCE_S, push, running

SCHEMA = LogSchema(
    context=(ContextFeature(name='ad_id'),),
    components=(
        Component(name='badge'),
        Component(name='image', content=Content(attributes=True)),
        Component(name='title', content=Content(text=True, attributes=True, vector=3)),
    ),
)
NOON = 1_780_315_200_000  # of 2026-06-01, in UTC
# Component, id, text, attributes, vector.
ELEMENTS = [
    ('title', 't1', 'Red shoes', ['colour=red'], [0.5, -0.5, 1.0]),
    ('title', 't2', 'Buy', ['b', 'a'], [1.0, 1.0, 1.0]),
    ('title', 't3', None, None, [0.0, 0.0, 3.0]),
    ('image', 'i1', None, ['size=2'], None),
]
CONTENT: dict[str, dict[str, ElementContent]] = {'title': {}, 'image': {}}
for name, id_, text, attributes, vector in ELEMENTS:
    CONTENT[name][id_] = ElementContent(text or '', attributes or (), vector)


def _request(number: int, content) -> SelectRequest:
    candidates = {'title': ['t0', 't1', 't2', 't3'], 'image': ['i0', 'i1'], 'badge': ['b0']}
    return SelectRequest({'ad_id': f'ad{number}'}, candidates, seed=number, content=content)


# Some requests bring all content, some that of one title, some none.
REQUESTS = [
    _request(number, [CONTENT, {'title': {'t2': CONTENT['title']['t2']}}, {}][number % 3])
    for number in range(9)
]


@pytest.fixture(scope='module')
def version(tmp_path_factory):
    return content_model.export(tmp_path_factory.mktemp('content') / '1')


@pytest.fixture(scope='module')
def server(version, tmp_path_factory):
    base_path = tmp_path_factory.mktemp('served')
    push(version, base_path, 1)
    with running(base_path) as server:
        yield server


@pytest.fixture(scope='module')
def logged(server, tmp_path_factory):
    """A folder with the decisions, as the train and test splits of a day of logs; and the decisions."""
    root = tmp_path_factory.mktemp('logged')
    with CreativeClient(server.address, MODEL, PATIENCE_S) as client, DecisionLog(root, SCHEMA) as log:
        selections = client.select_many(REQUESTS)
        log.write_many([f'r{i}' for i in range(9)], REQUESTS, selections, NOON)
    [file] = root.rglob('*.parquet')
    rows = pq.read_table(file, partitioning=None)
    for split, part in (('train', rows.slice(3)), ('test', rows.slice(0, 3))):
        (root / 'logs' / '2026-06-01' / split).mkdir(parents=True)
        pq.write_table(part, root / 'logs' / '2026-06-01' / split / 'part.parquet')
    return root / 'logs', rows.to_pylist(), selections


def _catalogue(path, *changed, without=()):
    columns = ('component', 'id', 'text', 'attributes', 'vector')
    rows = {row[:2]: row for row in [*ELEMENTS, *changed] if row[1] not in without}
    return write(
        path / 'catalogue.parquet', *(dict(zip(columns, row)) | {'picture': None} for row in rows.values())
    )


@pytest.fixture
def skew(genco, server, version, logged, tmp_path):
    def run(*arguments, logs=logged[0]):
        figures = tmp_path / 'skew.json'
        options = ('--from-logs', logs, '--model', version, '--timeout', PATIENCE_S, '--json', figures)
        status, out, err = genco('skew', '--address', server.address, *options, *arguments)
        return status, out, err, json.loads(figures.read_text()) if figures.exists() else None

    return run


def test_the_log_refers_to_the_content_and_does_not_keep_it(logged):
    _, rows, _ = logged
    takes = {'title': ContentInputs(True, True, 3), 'image': ContentInputs(False, True, 0)}
    for row, request in zip(rows, REQUESTS):
        for name in ('title', 'image'):
            brought = request.content.get(name, {})
            ids = request.candidates[name]
            expected = [brought[id_].reference(takes[name]) if id_ in brought else 0 for id_ in ids]
            while expected and not expected[-1]:
                expected.pop()
            assert row[f'{name}_content'] == expected
        assert not {'title_text', 'title_attributes', 'title_vector', 'badge_content'} & row.keys()


def test_content_decides(logged):
    worths = {
        id_: worth(text or '', attributes or (), vector or ())
        for _, id_, text, attributes, vector in ELEMENTS
    }
    for request, selection in zip(REQUESTS, logged[2]):
        brought = {id_: worths[id_] for id_ in request.content.get('title', {})}
        ids = request.candidates['title']
        assert selection.choices['title'].id == max(ids, key=lambda id_: brought.get(id_, 0.0))


def test_repeats_decisions_with_the_content_of_the_catalogue(skew, tmp_path):
    status, out, err, figures = skew('--catalogue', _catalogue(tmp_path))
    assert (status, err) == (0, '')
    assert (figures['rows'], figures['differing']) == (9, 0)
    assert figures['content'] == {'unknown': {}, 'first': None}
    assert 'not compared' not in out


def test_content_makes_a_difference_that_skew_sees(genco, server, version, logged, tmp_path, monkeypatch):
    """A server that ignored the content would be found out."""
    asked = CreativeClient.predict

    def without_content(client, requests, seeds):
        return asked(client, [dataclasses.replace(request, content={}) for request in requests], seeds)

    monkeypatch.setattr(CreativeClient, 'predict', without_content)
    options = ('--from-logs', logged[0], '--model', version, '--timeout', PATIENCE_S)
    arguments = ('--catalogue', _catalogue(tmp_path), '--json', tmp_path / 'skew.json')
    status, _, err = genco('skew', '--address', server.address, *options, *arguments)
    assert (status, err) == (1, 'genco: 6 of 9 answers differ from the model\n')
    first = json.loads((tmp_path / 'skew.json').read_text())['first']
    assert first['request']['content'] == {'title': ['t1', 't2', 't3'], 'image': ['i1']}


def test_without_a_catalogue_decisions_with_content_are_not_compared(skew):
    status, out, err, figures = skew()
    assert (status, err) == (0, '')
    assert (figures['rows'], figures['differing']) == (3, 0)
    assert figures['content']['unknown'] == {'no catalogue given': 6}
    assert '6 rows not compared, content no catalogue given' in out


@pytest.mark.parametrize(
    ('changed', 'without', 'unknown'),
    [
        (
            [('title', 't1', 'Blue shoes', ['colour=red'], [0.5, -0.5, 1.0])],
            (),
            {'changed in the catalogue': 3},
        ),
        ([('image', 'i1', None, ['size=3'], None)], (), {'changed in the catalogue': 3}),
        ([('title', 't2', 'Buy', ['b', 'a'], [1.0, 1.0, 1.5])], (), {'changed in the catalogue': 6}),
        # Neither the order of attributes nor what the model does not take is a change.
        ([('title', 't2', 'Buy', ['a', 'b'], [1.0, 1.0, 1.0])], (), {}),
        ([], ('t2',), {'not in the catalogue': 6}),
        ([], ('t1',), {'not in the catalogue': 3}),
    ],
)
def test_decisions_whose_content_is_unknown_are_counted(skew, tmp_path, changed, without, unknown):
    status, out, err, figures = skew('--catalogue', _catalogue(tmp_path, *changed, without=without))
    assert (status, err) == (0, '')
    assert figures['content']['unknown'] == unknown
    assert (figures['rows'], figures['differing']) == (9 - sum(unknown.values()), 0)
    for reason, count in unknown.items():
        assert f'{count} rows not compared, content {reason}' in out
        assert f'{figures["content"]["first"]["id"]!r} of' in out


def test_nothing_compared_is_no_success(skew, logged, tmp_path):
    row = next(row for row in logged[1] if row['title_content'])
    for split in ('train', 'test'):
        (tmp_path / 'logs' / '2026-06-01' / split).mkdir(parents=True)
        table = pa.Table.from_pylist([row])
        pq.write_table(table, tmp_path / 'logs' / '2026-06-01' / split / 'part.parquet')
    status, _, err, figures = skew(logs=tmp_path / 'logs')
    assert (status, err) == (1, 'genco: no answer was compared: the content of every request is unknown\n')
    assert figures['content']['unknown'] == {'no catalogue given': 2}


def test_in_other_logs_all_listed_candidates_get_their_content(skew, genco, server, logged, tmp_path):
    for file in logged[0].rglob('*.parquet'):
        table = pq.read_table(file, partitioning=None).drop_columns(['title_content', 'image_content'])
        (tmp_path / file.relative_to(logged[0])).parent.mkdir(parents=True)
        pq.write_table(table, tmp_path / file.relative_to(logged[0]))
    catalogue = ('--catalogue', _catalogue(tmp_path / 'c'))
    status, _, err, figures = skew(*catalogue, logs=tmp_path)
    assert (status, err, figures['rows'], figures['differing']) == (0, '', 9, 0)
    for arguments, title in ((catalogue, 't3'), ((), 't0')):
        options = ('--address', server.address, '--timeout', PATIENCE_S, '--json', tmp_path / 'out.json')
        status, _, err = genco('select', '--from-logs', tmp_path, '--ad', 'ad2', *options, *arguments)
        assert (status, err) == (0, '')
        assert json.loads((tmp_path / 'out.json').read_text())['choices']['title']['id'] == title


@pytest.mark.parametrize(('ad', 'title'), [('ad0', 't3'), ('ad1', 't2'), ('ad2', 't0')])
def test_select_asks_with_the_content_that_a_decision_refers_to(genco, server, logged, tmp_path, ad, title):
    options = ('--address', server.address, '--timeout', PATIENCE_S, '--from-logs', logged[0], '--ad', ad)
    out = tmp_path / 'out.json'
    status, _, err = genco('select', *options, '--catalogue', _catalogue(tmp_path), '--json', out)
    assert (status, err) == (0, '')
    assert json.loads(out.read_text())['choices']['title']['id'] == title


def test_select_refuses_to_guess_the_content(genco, server, logged):
    options = ('--address', server.address, '--timeout', PATIENCE_S, '--from-logs', logged[0], '--ad', 'ad1')
    status, _, err = genco('select', *options)
    message = "the logged request brought content for the element 't2' of 'title': no catalogue given; "
    assert (status, err) == (2, f'genco: {message}give --catalogue\n')


def test_select_reads_content_from_a_request_file(genco, server, tmp_path):
    request = {
        'context': {'ad_id': 'a'},
        'candidates': {'title': ['t1', 't9']},
        'content': {'title': {'t9': {'text': 'New', 'attributes': ['a=1'], 'vector': [0, 0, 1.5]}}},
        'seed': 1,
    }
    (tmp_path / 'request.json').write_text(json.dumps(request))
    out = tmp_path / 'out.json'
    options = ('--address', server.address, '--timeout', PATIENCE_S, '--request', tmp_path / 'request.json')
    status, _, err = genco('select', *options, '--json', out)
    assert (status, err) == (0, '')
    assert json.loads(out.read_text())['choices']['title']['id'] == 't9'


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([], 'content must map components to objects of ids and contents'),
        ({'title': ['t']}, 'content must map components to objects of ids and contents'),
        (
            {'title': {'t': {'words': 'x'}}},
            "content of element 't' of component 'title': must be an object with text, attributes, vector",
        ),
        (
            {'title': {'t': {'vector': ['x']}}},
            "content of element 't' of component 'title': vector: must be a list of numbers, got ['x']",
        ),
    ],
)
def test_bad_content_in_a_request_file(genco, server, tmp_path, content, message):
    request = {'context': {'ad_id': 'a'}, 'candidates': {'title': ['t']}, 'content': content}
    path = tmp_path / 'request.json'
    path.write_text(json.dumps(request))
    status, out, err = genco('select', '--address', server.address, '--request', path)
    assert (status, out, err) == (2, '', f'genco: {path}: {message}\n')


def test_catalogue_needs_logs(genco, tmp_path):
    status, _, err = genco('select', '--request', tmp_path / 'r.json', '--catalogue', 'c')
    assert (status, err) == (2, 'genco: --catalogue needs --from-logs DIR\n')
