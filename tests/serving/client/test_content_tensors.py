"""How requests with content are encoded."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creative_logs.errors import InputError
from serving.client.content import ElementContent
from serving.client.contract import ContentInputs, Contract
from serving.client.request import SelectRequest, content_references, encode_requests
from serving.tensor_protos import DT_STRING

N = 4
TAKES = {
    'headline': ContentInputs(True, False, 0),
    'image': ContentInputs(False, True, 0),
    'title': ContentInputs(True, True, 3),
}
CONTRACT = Contract(
    {'ad_id': (DT_STRING, 1)}, ('badge', *TAKES), frozenset(['headline']), frozenset(), N, TAKES
)
# What the model takes, by the name of its input.
PARTS = {
    'headline_text': 'text',
    'image_attributes': 'attributes',
    'title_text': 'text',
    'title_attributes': 'attributes',
    'title_vector': 'vector',
}
CONTENT = ElementContent('Buy', ['a', 'b'], [1.0, 0.0, 2.0])


def _request(content, **candidates):
    return SelectRequest({'ad_id': 'a'}, candidates, content={'headline': {}, **content})


contents = st.builds(
    ElementContent,
    st.sampled_from(['', 'Buy', 'Grün', 'nul\0']),
    st.lists(st.sampled_from(['a=1', 'b', 'ü']), max_size=2),
    st.none() | st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3),
)
ads = st.fixed_dictionaries(
    {name: st.lists(st.none() | contents, max_size=N + 2) for name in ('badge', *TAKES)}
).filter(lambda ad: any(ad.values()))


@given(st.lists(ads, min_size=1, max_size=4), st.booleans())
def test_each_value_is_at_the_place_of_its_candidate(drawn, full):
    """The content of each ad's candidates is None for those without any."""
    requests = []
    for number, ad in enumerate(drawn):
        ids = {name: [f'{name}{number}-{i}' for i in range(len(each))] for name, each in ad.items()}
        content = {
            name: {id_: content for id_, content in zip(ids[name], each) if content is not None}
            for name, each in ad.items()
        }
        requests.append(_request(content, **ids))
    inputs = encode_requests(requests, range(len(requests)), CONTRACT, full)
    assert inputs.keys() == {*PARTS, *(f'{name}_candidates' for name in drawn[0]), 'ad_id', 'seed'}
    for name, part in PARTS.items():
        component = name.split('_')[0]
        empty = np.zeros(3, np.float32) if part == 'vector' else b''
        values = [
            [empty if content is None else getattr(content, part) for content in ad[component]]
            for ad in drawn
        ]
        values = [[empty if value is None else value for value in each] for each in values]
        last = max((i + 1 for each in values for i, value in enumerate(each) if np.any(value)), default=0)
        width = {0: 0}.get(last, N if last <= N else 2 * N)
        if full:
            width = inputs[f'{component}_candidates'].shape[1]
        assert inputs[name].shape == (len(drawn), width, *np.shape(empty))
        assert inputs[name].dtype == (np.float32 if part == 'vector' else object)
        for ad, each in enumerate(values):
            for place in range(width):
                expected = each[place] if place < len(each) else empty
                np.testing.assert_array_equal(inputs[name][ad, place], expected)


def test_what_is_no_candidate_and_what_the_model_does_not_take_is_left_out():
    content = {'badge': {'b1': CONTENT}, 'image': {'i1': CONTENT, 'i2': CONTENT}}
    request = _request(content, badge=['b1'], image=['i1'])
    inputs = encode_requests([request], [0], CONTRACT)
    assert inputs['image_attributes'].tolist() == [[b'a\nb', b'', b'', b'']]
    assert (
        not {'badge_text', 'badge_attributes', 'badge_vector', 'image_text', 'image_vector'} & inputs.keys()
    )
    assert list(content_references(request, CONTRACT)) == ['image']


def test_candidates_may_be_bytes():
    inputs = encode_requests([_request({'image': {'é': CONTENT}}, image=['é'.encode()])], [0], CONTRACT)
    assert inputs['image_attributes'][0, 0] == b'a\nb'


def test_references_are_those_of_the_content_that_is_sent():
    content = {
        'title': {'t1': CONTENT, 't3': ElementContent(), 'x': CONTENT},
        'image': {'i0': ElementContent('x')},
    }
    request = _request(content, title=['t0', 't1', 't2', 't3'], image=['i0'])
    assert content_references(request, CONTRACT) == {'title': (0, CONTENT.reference(TAKES['title']))}
    assert content_references(dataclasses.replace(request, content={}), CONTRACT) == {}


def test_texts_come_from_the_logs_or_as_content():
    by_log = SelectRequest({'ad_id': 'a'}, {'headline': ['h0', 'h1']}, {'headline': ['Buy', 'Look']})
    content = {'headline': {'h9': ElementContent('New')}}
    by_content = SelectRequest({'ad_id': 'a'}, {'headline': [f'h{i}' for i in range(5, 10)]}, content=content)
    assert encode_requests([by_log], [0], CONTRACT)['headline_text'].tolist() == [[b'Buy', b'Look', b'', b'']]
    assert encode_requests([by_log, by_content], [0, 0], CONTRACT)['headline_text'].tolist() == [
        [b'Buy', b'Look', *[b''] * 6],
        [b'', b'', b'', b'', b'New', *[b''] * 3],
    ]
    for order in ([by_log, by_content], [by_content, by_log]):
        assert 'headline_text' in encode_requests(order, [0, 0], CONTRACT)
    nothing_new = dataclasses.replace(by_content, content={'headline': {}})
    assert encode_requests([nothing_new], [0], CONTRACT)['headline_text'].shape == (1, 0)
    assert encode_requests([nothing_new], [0], CONTRACT, full_content=True)['headline_text'].shape == (1, 8)
    assert encode_requests([by_log, nothing_new], [0, 0], CONTRACT)['headline_text'].shape == (2, N)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'content': None}, 'content of component: must be a mapping of names to values, got None'),
        (
            {'content': {'logo': {}}},
            "content of component 'logo' is unknown; the model knows badge, headline, image, title",
        ),
        (
            {'content': {'title': ['x']}},
            "content of component 'title': must be a mapping of ids to contents, got ['x']",
        ),
        (
            {'content': {'title': {'t0': 'Buy'}}},
            "content of component 'title': must be an ElementContent, got 'Buy' for 't0'",
        ),
        (
            {'content': {'title': {'t0': ElementContent(vector=[1.0, 2.0])}}},
            "content of component 'title': the vector of 't0' must have 3 values, got 2",
        ),
        (
            {'candidates': {'headline': ['h']}, 'texts': {'headline': ['x']}, 'content': {'headline': {}}},
            "component 'headline': give texts or content, not both",
        ),
        (
            {'candidates': {'headline': ['h']}, 'content': {}},
            "texts of component 'headline': there must be one text per candidate, got 0 texts for 1 candidates; "
            'where texts come from a catalogue, give content for the component, if only an empty mapping',
        ),
        (
            {'texts': {'title': ['x']}},
            "texts of component 'title' is unknown; the model takes texts of headline",
        ),
    ],
)
def test_errors(changes, message):
    request = SelectRequest({'ad_id': 'a'}, {'title': ['t0']})
    with pytest.raises(InputError) as error:
        encode_requests([dataclasses.replace(request, **changes)], [0], CONTRACT)
    assert str(error.value) == message


def test_error_names_the_request():
    bad = _request({'title': {'t0': 'Buy'}}, title=['t0'])
    with pytest.raises(InputError, match='request 1: content of component'):
        encode_requests([_request({}, title=['t0']), bad], [0, 1], CONTRACT)
