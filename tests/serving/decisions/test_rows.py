import dataclasses
import datetime

import pyarrow as pa
import pytest

from creative_logs.errors import InputError
from creative_logs.schema import Component, Content
from serving.client.selection import Choice
from serving.decisions.rows import day_of, decision_rows, file_schema
from tests.serving.decisions.examples import DAY, HOUR, NOON, REQUEST, SCHEMA, selection


def _row(request=REQUEST, chosen=None, request_id='r1', timestamp=NOON):
    [row] = decision_rows(SCHEMA, [request_id], timestamp, [request], [chosen or selection()])
    return row


def test_all_that_was_decided_is_in_the_row():
    table = pa.Table.from_pylist([_row()], file_schema(SCHEMA))
    assert table.to_pylist() == [
        {
            'request_id': 'r1',
            'timestamp': NOON,
            'ad_id': 'ad',
            'age': 30.5,
            'terms': ['red', 'shoes'],
            'title_candidates': ['t0', 't1'],
            'title_shown': 1,
            'title_text': ['Buy', 'Now'],
            'title_propensity': 0.75,
            'image_candidates': [],
            'image_shown': -1,
            'image_propensity': None,
            'policy': 'genco',
            'model_version': '3',
            'decision_version': 3,
            'decision_seed': 7,
            'decision_temperature': 2.0,
            'decision_epsilon': 0.5,
            'decision_posterior_scale': 0.75,
            'decision_ctr': 0.25,
            'choice_propensity': 0.625,
            'click_value': None,
            'title_choice_propensity': 0.875,
            'image_choice_propensity': None,
        }
    ]


def test_without_exploration():
    chosen = selection(exploration=None, choice_propensity=None, choices={'title': Choice(1, 't1', 0.75)})
    row = _row(chosen=chosen)
    decided = [f'decision_{name}' for name in ('temperature', 'epsilon', 'posterior_scale')]
    names = (*decided, 'choice_propensity', 'title_choice_propensity')
    assert [row[name] for name in names] == [None] * 5


@pytest.mark.parametrize('policy, version', [('genco', '3'), ('thompson', '3'), ('uniform', None)])
def test_what_chance_chose_is_not_the_models(policy, version):
    row = _row(chosen=selection(policy))
    assert (row['policy'], row['model_version'], row['decision_version']) == (policy, version, 3)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'request_id': None}, 'request_id must not be null'),
        ({'request_id': 3}, 'Expected bytes'),
        ({'timestamp': 0.5}, 'timestamp: must be an integer, milliseconds since 1970, got 0.5'),
        ({'timestamp': 10**17}, 'year 3170843 is out of range'),
        ({'chosen': selection(choices={'title': Choice(2, 't2', 0.5)})}, 'title_shown must be an index'),
        ({'chosen': selection(choices={'title': Choice(0, 't0', 0.0)})}, r'must be in \(0, 1\]'),
        ({'chosen': selection(choices={})}, 'title_shown must be an index'),
        ({'context': {'ad_id': 'ad', 'age': 1.0}}, "feature 'terms' is not in the request"),
        ({'context': REQUEST.context | {'city': 'x'}}, "feature 'city' is not in the log schema"),
        ({'context': REQUEST.context | {'ad_id': b'\xff'}}, "can't decode byte 0xff"),
        ({'candidates': REQUEST.candidates | {'logo': ['l']}}, "component 'logo' is not in the log schema"),
        ({'texts': {}}, 'title_text must have one text per element'),
        (
            {'chosen': selection(content={'title': (1,)})},
            "component 'title' was sent with content, but has none in the log schema",
        ),
    ],
)
def test_rows_that_are_refused(changes, message):
    request = {name: changes.pop(name) for name in ('context', 'candidates', 'texts') if name in changes}
    with pytest.raises(InputError, match=message) as error:
        _row(dataclasses.replace(REQUEST, **request), **changes)
    assert str(error.value).startswith(f'decision {changes.get("request_id", "r1")!r}: cannot be logged: ')


@pytest.mark.parametrize(
    'context, message',
    [
        ({'age': float('nan')}, 'age must be finite'),
        ({'age': 'old'}, "Could not convert 'old'"),
        ({'city': 'x'}, "feature 'city' is not in the log schema"),
    ],
)
def test_the_bad_one_of_several_is_named(context, message):
    bad = dataclasses.replace(REQUEST, context=REQUEST.context | context)
    with pytest.raises(InputError, match=f"decision 'r2': cannot be logged: .*{message}"):
        decision_rows(SCHEMA, ['r1', 'r2'], NOON, [REQUEST, bad], [selection()] * 2)


def test_the_content_that_was_sent_is_referred_to():
    components = (Component(name='title', content=Content(text=True)), Component(name='image'))
    schema = SCHEMA.model_copy(update={'components': components})
    request = dataclasses.replace(REQUEST, texts={})
    for content, expected in (({'title': (0, 1 << 61)}, [0, 1 << 61]), ({}, [])):
        [row] = decision_rows(schema, ['r'], NOON, [request], [selection(content=content)])
        table = pa.Table.from_pylist([row], file_schema(schema))
        assert table['title_content'].to_pylist() == [expected]
        assert 'image_content' not in table.column_names


def test_every_decision_needs_its_parts():
    with pytest.raises(ValueError, match='shorter'):
        decision_rows(SCHEMA, ['r1', 'r2'], NOON, [REQUEST, REQUEST], [selection()])


def test_days_are_of_utc():
    assert [day_of(NOON + hours * HOUR) for hours in (-12, 0, 12)] == [DAY, DAY, '2026-06-02']
    assert datetime.datetime.fromtimestamp(NOON / 1000, datetime.UTC).hour == 12
