"""The first screen, from hand-made results."""

import pytest

from components.sctr_evaluator.report.head import day, head_of


def _result(value=0.2, low=0.1, high=0.3, serving=None, **verdict):
    lift = {'value': value, 'low': low, 'high': high, 'problem': 'no click' if value is None else None}
    overall = {'lift_over_uniform': lift, 'lift_over_serving': serving, 'effective_sample_size': 4610.2}
    return {
        'rows': 6000, 'impressions': 6100.0, 'clicks': 61.0, 'ctr': 0.01,
        'first_timestamp': 1_718_841_600_000, 'last_timestamp': 1_718_841_600_000 + 86_400_000,
        'problems': [], 'config': {'blessing_policy': 'greedy', 'confidence': 0.9},
        'policies': {'greedy': {'overall': overall}},
        'verdict': {'blessed': True, 'passed': True, 'forced': None, 'reasons': []} | verdict,
    }  # fmt: skip


@pytest.mark.parametrize(
    ('verdict', 'tone', 'text'),
    [
        ({}, 'good', 'Blessed: the model may serve.'),
        ({'blessed': False, 'passed': False}, 'bad', 'Not blessed: the model must not serve.'),
        ({'forced': 'x', 'passed': False}, 'forced', 'Blessed by force: x. The rules are not met.'),
        ({'forced': 'x'}, 'forced', 'Blessed by force: x. The rules are met all the same.'),
    ],
)
def test_verdict(verdict, tone, text):
    head = head_of(_result(**verdict))
    assert (head.tone, head.verdict) == (tone, text)


@pytest.mark.parametrize(
    ('lift', 'words'),
    [
        ((0.2, 0.1, 0.3), 'gets 20.0 % more clicks per impression than chance (policy greedy)'),
        ((-0.2, -0.3, 0.1), 'gets 20.0 % fewer clicks per impression than chance, which may be luck (policy'),
        ((0.2, None, None), 'gets 20.0 % more clicks per impression than chance, which may be luck (policy'),
        ((None, None, None), 'is not known (no click); measured'),
    ],
)
def test_sentence(lift, words):
    sentence = head_of(_result(*lift)).sentence
    assert words in sentence
    assert 'measured on 6,000 rows of uniform traffic, 2024-06-20 to 2024-06-21.' in sentence


def test_tiles():
    serving = {'value': 0.01, 'low': None, 'high': None, 'problem': 'one cluster'}
    tiles = head_of(_result(serving=serving)).tiles
    assert [tuple(tile) for tile in tiles] == [
        ('Lift over chance', '+20.0 %', '90 % interval +10.0 to +30.0 %'),
        ('Lift over the serving model', '+1.0 %', ''),
        ('CTR of uniform traffic', '1.00 %', '61 clicks in 6,100 impressions'),
        ('Effective sample size', '4,610', 'impressions of the policy that would be as informative'),
    ]
    assert head_of(_result(None, None, None)).tiles[0].value == 'not known'


def test_no_rows_have_no_day():
    assert day(None) == '-'
