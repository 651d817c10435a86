"""Decisions of a small schema that several tests share."""

from creative_logs.schema import Component, ContextFeature, LogSchema
from serving.client.request import Exploration, SelectRequest
from serving.client.selection import Choice, Selection

SCHEMA = LogSchema(
    context=(
        ContextFeature(name='ad_id'),
        ContextFeature(name='age', type='float'),
        ContextFeature(name='terms', type='string_list'),
    ),
    components=(Component(name='title', text=True), Component(name='image')),
)
REQUEST = SelectRequest(
    {'ad_id': b'ad', 'age': 30.5, 'terms': ['red', b'shoes']},
    {'title': ['t0', b't1'], 'image': []},
    {'title': ['Buy', 'Now']},
)
DAY = '2026-06-01'
NOON = 1_780_315_200_000  # of DAY, in UTC
HOUR = 3_600_000


def selection(policy: str = 'genco', **changes) -> Selection:
    values = {
        'choices': {'title': Choice(1, 't1', 0.75, 0.875)},
        'ctr': 0.25,
        'runners_up': (),
        'model_version': 3,
        'seed': 7,
        'policy': policy,
        'exploration': Exploration(2.0, 0.5, 0.75),
        'choice_propensity': 0.625,
    }
    return Selection(**values | changes)
