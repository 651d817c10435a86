"""Merging and parting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2

from serving.server.batching.merging import kind_of, merged, parted, rows_of
from serving.server.status_errors import StatusError
from serving.tensor_protos import TensorMessage, encode


def _request(rows: int, width: int, seed: int) -> dict[str, np.ndarray]:
    """Ids, an age, and vectors whose width may be 0."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(rows, width % 3, 2)).astype(np.float32)
    ids = np.array([[b'%d' % i for i in row] for row in rng.integers(9, size=(rows, width))], object)
    age = rng.normal(size=rows).astype(np.float32)
    return {'ids': ids.reshape(rows, width), 'age': age, 'vectors': vectors}


def _messages(request: dict[str, np.ndarray]) -> dict[str, TensorMessage]:
    """As they come in a PredictRequest."""
    messages = {}
    for name, array in request.items():
        proto = tensor_pb2.TensorProto()
        encode(array, proto, packed=True)
        messages[name] = TensorMessage.of(proto)
    return messages


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), min_size=1, max_size=5),
    st.integers(0, 3),
    st.booleans(),
)
def test_merged_and_parted_requests_are_what_they_were(shapes, more, as_messages):
    requests = [_request(rows, width, seed) for seed, (rows, width) in enumerate(shapes)]
    sizes = [rows for rows, _ in shapes]
    rows = sum(sizes) + more
    whole = merged([_messages(request) for request in requests] if as_messages else requests, rows)
    assert whole['ids'].shape == (rows, max(width for _, width in shapes))
    most = max(width % 3 for _, width in shapes)
    assert whole['vectors'].shape == (rows, most, 2) and whole['vectors'].dtype == np.float32
    parts = parted([whole['ids'], whole['age'], whole['vectors']], sizes, rows)
    for request, (ids, age, vectors) in zip(requests, parts):
        width = request['vectors'].shape[1]
        np.testing.assert_array_equal(vectors[:, :width], request['vectors'])
        assert not vectors[:, width:].any()
        width = request['ids'].shape[1]
        np.testing.assert_array_equal(ids[:, :width], request['ids'])
        assert (ids[:, width:] == b'').all()
        np.testing.assert_array_equal(age, request['age'])
    for row in range(sum(sizes), rows):
        np.testing.assert_array_equal(whole['age'][row], requests[-1]['age'][0])


def test_kinds_differ_by_type_and_by_other_dimensions_unless_padded():
    narrow, wide = _request(2, 3, 1), _request(4, 5, 2)
    assert kind_of(narrow, padded=False) != kind_of(wide, padded=False)
    assert kind_of(narrow, padded=True) == kind_of(wide, padded=True)
    assert all(kind_of(_messages(wide), padded) == kind_of(wide, padded) for padded in (True, False))
    other = narrow | {'age': narrow['age'].astype(np.float64)}
    assert kind_of(narrow, padded=True) != kind_of(other, padded=True)


@pytest.mark.parametrize(
    'inputs, message',
    [
        ({'x': np.float32(1)}, 'Batching Run() input tensors must have at least one dimension'),
        (
            {'x': np.zeros(2), 'y': np.zeros(3)},
            'Batching Run() input tensors must have equal 0th-dimension size',
        ),
    ],
)
def test_inputs_without_common_rows_are_refused(inputs, message):
    inputs = {name: np.asarray(value) for name, value in inputs.items()}
    with pytest.raises(StatusError) as error:
        rows_of(inputs)
    assert error.value.message == message


@pytest.mark.parametrize(
    'output, message',
    [(np.asarray(1), 'Batched output tensor has 0 dimensions'), (np.zeros(4), "Batched output tensor's 0th")],
)
def test_outputs_without_the_rows_are_refused(output, message):
    with pytest.raises(StatusError) as error:
        parted([output], [1, 2], 3)
    assert error.value.message.startswith(message)
