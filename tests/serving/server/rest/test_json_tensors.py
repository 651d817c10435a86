import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from serving.server.rest.json_tensors import to_array, to_json

FLOAT, INT, BYTES, BOOL = (np.dtype(kind) for kind in (np.float32, np.int64, object, bool))
# Without an element the sizes of inner lists cannot be told.
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, max_side=3)


@pytest.mark.parametrize('as_bytes', [False, True])
@given(
    array=st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.uint8, bool]).flatmap(
        lambda dtype: hnp.arrays(dtype, SHAPES)
    )
    | hnp.arrays(object, SHAPES, elements=st.binary(max_size=4))
)
def test_round_trip(array, as_bytes):
    back = to_array(json.loads(json.dumps(to_json(array, as_bytes))), array.dtype)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)


def test_texts_and_bytes():
    assert to_array(['é', {'b64': '/w=='}], BYTES).tolist() == ['é'.encode(), b'\xff']
    texts = np.array(['é'.encode(), b'\xff'], object)
    assert to_json(texts) == ['é', {'b64': '/w=='}]
    assert to_json(texts, as_bytes=True) == [{'b64': 'w6k='}, {'b64': '/w=='}]


def test_tokens_that_are_not_finite():
    values = to_array(json.loads('[NaN, Infinity, -Infinity, 1]'), FLOAT)
    np.testing.assert_array_equal(values, np.array([np.nan, np.inf, -np.inf, 1], np.float32))


def test_empty_list():
    assert to_array([[], []], INT).shape == (2, 0)


@pytest.mark.parametrize(
    'value, dtype, message',
    [
        ([[1, 2], [3]], INT, 'unexpected size: 1 at level: 1 expected size: 2'),
        ([[1], 2], INT, 'JSON Value: 2 is not a list of size 1 at level 1'),
        ([1, [2]], INT, r'JSON Value: \[2\] is not of expected type: int64'),
        ([1.0], INT, 'JSON Value: 1.0 is not of expected type: int64'),
        ([True], FLOAT, 'JSON Value: True is not of expected type: float32'),
        ([1], BOOL, 'JSON Value: 1 is not of expected type: bool'),
        (['a'], FLOAT, "JSON Value: 'a' is not of expected type: float32"),
        ([1], BYTES, 'JSON Value: 1 is not of expected type: string'),
        ([None], BYTES, 'JSON Value: None is not of expected type: string'),
        ([{'b64': '*'}], BYTES, 'is not base64'),
        ([{'b64': 1}], BYTES, 'is not base64'),
        ([1 << 63], INT, 'out of the range of int64'),
    ],
)
def test_values_that_do_not_fit(value, dtype, message):
    with pytest.raises(ValueError, match=message):
        to_array(value, dtype)
