import json

import numpy as np
import pytest

from creative_logs.errors import InputError
from serving.client.request import SelectRequest
from tfx_pipeline.serving_skew import OutputSkew, Skew

REQUESTS = [SelectRequest({'ad_id': f'ad{i}'}, {'title': ['t']}) for i in range(3)]
OFFLINE = {
    'ctr': np.float32([0.1, 0.2, np.nan]),
    'selected_index': np.array([[0, 1], [2, -1], [0, 0]]),
    'selected_id': np.array([[b'a', b'b'], [b'c', b''], [b'a', b'a']], object),
}


def _compare(tolerance=0.01, **served):
    skew = Skew(tolerance)
    skew.add(REQUESTS, [4, 5, 6], OFFLINE | served, OFFLINE)
    return skew


def test_equal():
    skew = _compare(0.0)
    assert (skew.rows, skew.differing, skew.first) == (3, 0, None)
    assert set(map(tuple, ((o.differing, o.largest) for o in skew.outputs.values()))) == {(0, 0.0)}


def test_differences_are_counted_by_row_and_output():
    skew = _compare(
        ctr=np.float32([0.1 + 0.005, 0.25, np.nan]),
        selected_index=np.array([[0, 1], [0, -1], [0, 1]]),
        selected_id=np.array([[b'a', b'b'], [b'x', b''], [b'a', b'a']], object),
    )
    assert skew.differing == 2
    assert skew.outputs['ctr'] == OutputSkew(1, pytest.approx(0.05))
    assert skew.outputs['selected_index'] == OutputSkew(2, 2.0)
    assert skew.outputs['selected_id'] == OutputSkew(1, 1.0)
    assert skew.first['request'] == {'context': {'ad_id': 'ad1'}, 'candidates': {'title': ['t']}}
    assert skew.first['seed'] == 5
    assert skew.first['outputs']['selected_id'] == {'served': ['x', ''], 'offline': ['c', '']}


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_no_number_is_no_small_difference(value):
    skew = _compare(ctr=np.float32([value, 0.2, np.nan]))
    assert skew.outputs['ctr'] == OutputSkew(1, 1.0)
    json.dumps(skew.to_json(), allow_nan=False)


def test_batches_add_up():
    skew = _compare(selected_index=np.zeros((3, 2), int))
    skew.add(
        REQUESTS[:1], [7], {k: v[:1] for k, v in OFFLINE.items()}, {k: v[:1] for k, v in OFFLINE.items()}
    )
    assert (skew.rows, skew.differing) == (4, 2)


def test_what_cannot_be_compared():
    with pytest.raises(InputError, match='differ in their outputs: extra; same version?'):
        _compare(extra=np.zeros(3))
    with pytest.raises(InputError, match=r'differ in shape: \(2,\) and \(3,\)'):
        _compare(ctr=np.zeros(2, np.float32))
