import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creative_logs.errors import InputError
from serving.client.contract import Contract
from serving.client.request import SelectRequest, encode_requests
from serving.tensor_protos import DT_FLOAT, DT_INT64, DT_STRING

CONTRACT = Contract(
    {'ad_id': (DT_STRING, 1), 'hour': (DT_INT64, 1), 'age': (DT_FLOAT, 1), 'query_terms': (DT_STRING, 2)},
    ('image', 'title'),
    frozenset(['title']),
)
REQUEST = SelectRequest(
    {'ad_id': 'a', 'hour': 3, 'age': 20.5, 'query_terms': ['red', 'shoes']},
    {'title': ['t1', 't2'], 'image': ['i1', 'i2', 'i3']},
    {'title': ['Buy', 'Look']},
)


def test_types_and_values():
    inputs = encode_requests([REQUEST], [7], CONTRACT)
    expected = {
        'ad_id': np.array([b'a'], object),
        'hour': np.array([3]),
        'age': np.array([20.5], np.float32),
        'query_terms': np.array([[b'red', b'shoes'] + [b''] * 30], object),
        'title_candidates': np.array([[b't1', b't2']], object),
        'title_text': np.array([[b'Buy', b'Look']], object),
        'image_candidates': np.array([[b'i1', b'i2', b'i3']], object),
        'seed': np.array([7]),
    }
    assert inputs.keys() == expected.keys()
    for name, value in expected.items():
        assert inputs[name].dtype == value.dtype, name
        np.testing.assert_array_equal(inputs[name], value, err_msg=name)


@pytest.mark.parametrize('titles, width', [(1, 3), (3, 3), (4, 6)])
def test_lists_of_candidates_are_as_long_as_the_model_looks_at(titles, width):
    names = [f't{number}' for number in range(titles)]
    request = dataclasses.replace(REQUEST, candidates={'title': names}, texts={'title': names})
    inputs = encode_requests([request], [1], dataclasses.replace(CONTRACT, max_candidates=3))
    for name in ('title_candidates', 'title_text'):
        assert inputs[name].tolist() == [[name.encode() for name in names] + [b''] * (width - titles)]
    assert inputs['image_candidates'].tolist() == [[b''] * 3]


ids = st.lists(st.text(st.characters(codec='utf-8'), min_size=1, max_size=3), max_size=4, unique=True)


@given(st.lists(st.tuples(ids, ids, ids).filter(lambda lists: lists[0] or lists[1]), min_size=1, max_size=4))
def test_lists_are_padded_with_empty_strings(ads):
    requests = [
        SelectRequest(
            {**REQUEST.context, 'query_terms': terms},
            {'title': titles, 'image': images},
            {'title': ['text'] * len(titles)},
        )
        for titles, images, terms in ads
    ]
    inputs = encode_requests(requests, range(len(requests)), CONTRACT)
    for place, name in enumerate(['title_candidates', 'image_candidates', 'query_terms']):
        lists = [[text.encode() for text in ad[place]] for ad in ads]
        width = 32 if name == 'query_terms' else max(1, *map(len, lists))
        assert inputs[name].tolist() == [items + [b''] * (width - len(items)) for items in lists]


@pytest.mark.parametrize('absent', [{}, {'image': []}])
def test_absent_component(absent):
    request = dataclasses.replace(REQUEST, candidates={'title': ['t1', 't2'], **absent})
    assert encode_requests([request], [1], CONTRACT)['image_candidates'].tolist() == [[b'']]


def test_bytes_are_taken_as_utf8():
    request = dataclasses.replace(REQUEST, candidates={'title': ['t', 'é'.encode()]})
    assert encode_requests([request], [1], CONTRACT)['title_candidates'].tolist() == [[b't', 'é'.encode()]]


def _context(**values):
    context = {**REQUEST.context, **values}
    return {'context': {name: value for name, value in context.items() if value is not None}}


@pytest.mark.parametrize(
    'changes, message',
    [
        (
            _context(age=None),
            "context feature 'age' is missing; the model takes ad_id, age, hour, query_terms",
        ),
        (
            _context(agee=1),
            "context feature 'agee' is unknown; the model takes ad_id, age, hour, query_terms",
        ),
        (_context(age='x'), "context feature 'age': must be a finite number, got 'x'"),
        (_context(age=float('nan')), "context feature 'age': must be a finite number, got nan"),
        (_context(age=True), "context feature 'age': must be a finite number, got True"),
        (_context(hour=1.5), "context feature 'hour': must be a 64-bit integer, got 1.5"),
        (_context(hour=1 << 63), f"context feature 'hour': must be a 64-bit integer, got {1 << 63}"),
        (_context(ad_id=7), "context feature 'ad_id': must be a string, got 7"),
        (_context(ad_id=b'\xff'), r"context feature 'ad_id': must be UTF-8, got b'\xff'"),
        (_context(ad_id='\ud800'), r"context feature 'ad_id': must be UTF-8, got '\ud800'"),
        (_context(query_terms='red'), "context feature 'query_terms': must be a list of strings, got 'red'"),
        ({'context': None}, 'context feature: must be a mapping of names to values, got None'),
        ({'candidates': {'logo': ['l']}}, "component 'logo' is unknown; the model knows image, title"),
        (
            {'candidates': {}, 'texts': {}},
            'no component has a candidate; give candidates for one or more of image, title',
        ),
        (
            {'candidates': {'image': ['a', 'b', 'a']}, 'texts': {}},
            "candidates of component 'image': an id must not be repeated, got 'a' more than once",
        ),
        (
            {'candidates': {'image': ['a', '']}, 'texts': {}},
            "candidates of component 'image': an id must not be empty, got ['a', '']",
        ),
        (
            {'candidates': {'image': [b'\xff']}, 'texts': {}},
            r"candidates of component 'image': must be UTF-8, got b'\xff'",
        ),
        (
            {'texts': {}},
            "texts of component 'title': there must be one text per candidate, got 0 texts for 2 candidates; "
            'where texts come from a catalogue, give content for the component, if only an empty mapping',
        ),
        (
            {'texts': {'image': ['x']}},
            "texts of component 'image' is unknown; the model takes texts of title",
        ),
    ],
)
def test_errors(changes, message):
    with pytest.raises(InputError) as error:
        encode_requests([dataclasses.replace(REQUEST, **changes)], [1], CONTRACT)
    assert str(error.value) == message


def test_seed_out_of_range():
    with pytest.raises(InputError, match='seed: must be a 64-bit integer'):
        encode_requests([REQUEST], [1 << 64], CONTRACT)


def test_error_names_the_request():
    bad = dataclasses.replace(REQUEST, texts={})
    with pytest.raises(InputError, match='request 1: texts of component'):
        encode_requests([REQUEST, bad], [1, 2], CONTRACT)
