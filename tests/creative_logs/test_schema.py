import pyarrow as pa
import pytest
from pydantic import ValidationError

from creative_logs.schema import Component, Content, ContextFeature, LogSchema
from tests.creative_logs.examples import SCHEMA


def test_the_columns_are_those_of_a_row():
    assert SCHEMA.arrow_schema().names == [
        *('request_id', 'timestamp', 'ad_id', 'price', 'age', 'terms'),
        *('title_candidates', 'title_shown', 'title_text', 'title_propensity'),
        *('image_candidates', 'image_shown', 'image_propensity'),
        *('click', 'weight', 'policy', 'model_version'),
    ]
    assert SCHEMA.optional_columns() == {
        *('title_propensity', 'image_propensity', 'weight', 'policy', 'model_version')
    }


def test_the_columns_that_only_decisions_have():
    assert SCHEMA.decision_schema().names == [
        *('decision_version', 'decision_seed', 'decision_temperature', 'decision_epsilon'),
        *('decision_posterior_scale', 'decision_ctr'),
        *('choice_propensity', 'click_value', 'title_choice_propensity', 'image_choice_propensity'),
    ]


def test_decisions_refer_to_the_content_of_each_component_that_has_some():
    components = (Component(name='title', content=Content(text=True)), Component(name='image'))
    schema = LogSchema(context=(ContextFeature(name='ad_id'),), components=components)
    assert schema.decision_schema().field('title_content').type == pa.list_(pa.int64())
    assert 'image_content' not in schema.decision_schema().names


@pytest.mark.parametrize(
    ('type_', 'encoding'),
    [('string', 'id'), ('int64', 'number'), ('float', 'number'), ('string_list', 'terms')],
)
def test_an_encoding_follows_from_the_type(type_, encoding):
    assert ContextFeature(name='x', type=type_).encoding == encoding


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'components': ()}, 'at least one component'),
        ({'components': ({'name': 'a'}, {'name': 'a'})}, 'a_candidates'),
        ({'components': ({'name': 'a b'},)}, 'a name must be'),
        ({'components': ({'name': 'a', 'colour': 1},)}, 'colour'),
        ({'context': ({'name': 'ad_id'}, {'name': 'click'})}, 'click is repeated'),
        ({'context': ({'name': 'ad_id'}, {'name': 'decision_seed'})}, 'decision_seed is repeated'),
        (
            {
                'context': ({'name': 'ad_id'}, {'name': 'title_vector', 'type': 'float'}),
                'components': ({'name': 'title', 'content': {'text': True}},),
            },
            'title_vector is repeated',
        ),
        (
            {'context': ({'name': 'x', 'type': 'float', 'encoding': 'id'}, {'name': 'ad_id'})},
            'can be encoded as',
        ),
        ({'context': ({'name': 'ad_id', 'type': 'int64'},)}, "'ad_id' is not among the string features"),
        ({'max_candidates': 0}, 'max_candidates must be at least 1'),
    ],
)
def test_schemas_that_make_no_sense_are_refused(values, message):
    good = {'context': (ContextFeature(name='ad_id'),), 'components': (Component(name='title'),)}
    with pytest.raises(ValidationError, match=message):
        LogSchema(**(good | values))
