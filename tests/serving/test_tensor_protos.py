import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorflow.core.framework.tensor_pb2 import TensorProto

from serving import tensor_protos as tensors
from serving.tensor_protos import TensorMessage, concatenate, decode, encode

NUMBERS = ['f4', 'f8', 'f2', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', '?']
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
number_arrays = st.sampled_from(NUMBERS).flatmap(lambda dtype: hnp.arrays(np.dtype(dtype), SHAPES))
string_arrays = hnp.arrays(object, SHAPES, elements=st.binary(max_size=5))


@settings(deadline=None)
@given(array=number_arrays | string_arrays, packed=st.booleans())
def test_tensorflow_reads_what_is_encoded(array, packed):
    proto = TensorProto()
    encode(array, proto, packed)
    _assert_same(tf.make_ndarray(proto), array)


@settings(deadline=None)
@given(array=number_arrays | string_arrays)
def test_reads_what_tensorflow_encodes(array):
    dtype = tf.string if array.dtype == object else array.dtype
    _assert_same(decode(tf.make_tensor_proto(array, dtype)), array)


@settings(deadline=None)
@given(array=number_arrays | string_arrays, packed=st.booleans())
def test_round_trip(array, packed):
    proto = TensorProto()
    encode(array, proto, packed)
    _assert_same(decode(proto), array)


def _message(array: np.ndarray, form: str) -> TensorMessage:
    """Raw bytes, as our clients write it; typed values; or those without the last ones that are equal."""
    proto = TensorProto()
    encode(array, proto, packed=form == 'packed')
    if form == 'shortened':
        [values] = [values for field, values in proto.ListFields() if field.name.endswith('_val')] or [[]]
        while len(values) > 1 and values[-1] == values[-2]:
            values.pop()
    return TensorMessage.of(proto)


same_but_for_rows = st.tuples(
    st.sampled_from([*NUMBERS, 'O']),
    hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
    st.lists(st.integers(0, 3), min_size=1, max_size=4),
)
forms = st.lists(st.sampled_from(['packed', 'typed', 'shortened', 'array']), min_size=4, max_size=4)


@settings(deadline=None)
@given(alike=same_but_for_rows, forms=forms, data=st.data())
def test_concatenated_messages_are_concatenated_arrays(alike, forms, data):
    dtype, inner, rows = alike
    elements = st.binary(max_size=2) if dtype == 'O' else None
    arrays = [data.draw(hnp.arrays(dtype, (count, *inner), elements=elements)) for count in rows]
    mixed = [array if form == 'array' else _message(array, form) for array, form in zip(arrays, forms)]
    _assert_same(concatenate(mixed), np.concatenate(arrays))


@pytest.mark.parametrize('form', ['packed', 'typed'])
@pytest.mark.parametrize('array', [np.array([[1.5], [2]], np.float32), np.array([[b'a'], [b'b']], object)])
def test_many_messages_are_read_together(monkeypatch, array, form):
    messages = [_message(array, form)] * 3
    monkeypatch.setattr(TensorMessage, '__array__', None)
    _assert_same(concatenate(messages), np.concatenate([array] * 3))


@pytest.mark.parametrize(
    'proto',
    [
        TensorProto(dtype=tf.uint8.as_datatype_enum, int_val=[300, -1]),
        TensorProto(dtype=tf.int16.as_datatype_enum, int_val=[1 << 15, 7]),
        TensorProto(dtype=tf.half.as_datatype_enum, half_val=[70_000, 15_360]),
    ],
    ids=['uint8', 'int16', 'half'],
)
def test_numbers_too_large_are_cut_off_as_in_tensorflow(proto):
    proto.tensor_shape.dim.add(size=2)
    type_ = tf.dtypes.as_dtype(proto.dtype)
    _assert_same(decode(proto), tf.io.parse_tensor(proto.SerializeToString(), type_).numpy())


def test_long_names_of_sizes_are_not_kept():
    tensors._remembered_shape.cache_clear()
    proto = tf.make_tensor_proto(np.arange(6))
    decode(proto)
    assert tensors._remembered_shape.cache_info().currsize == 1
    proto.tensor_shape.dim[0].name = 'n' * 1000
    _assert_same(decode(proto), np.arange(6))
    assert tensors._remembered_shape.cache_info().currsize == 1


def test_unpacked_numbers_are_typed_values():
    proto = TensorProto()
    encode(np.array([1.5, 2.5], np.float32), proto, packed=False)
    assert list(proto.float_val) == [1.5, 2.5] and not proto.tensor_content


@pytest.mark.parametrize(
    'proto',
    [
        TensorProto(dtype=tf.float32.as_datatype_enum, float_val=[1, 2]),
        TensorProto(dtype=tf.int64.as_datatype_enum),
        TensorProto(dtype=tf.string.as_datatype_enum, string_val=[b'a', b'b']),
    ],
    ids=['numbers', 'none', 'strings'],
)
def test_last_value_stands_for_the_rest(proto):
    for size in (2, 3):
        proto.tensor_shape.dim.add(size=size)
    decoded = decode(proto)
    assert decoded.shape == (2, 3)
    _assert_same(decoded, tf.make_ndarray(proto).reshape(2, 3))


def _content_of_wrong_length(proto):
    proto.tensor_content = b'123'


def _unsupported_type(proto):
    proto.dtype = tf.resource.as_datatype_enum


def _negative_size(proto):
    proto.tensor_shape.dim[0].size = -1


def _more_than_any_memory(proto):
    proto.tensor_shape.dim[0].size = 1 << 50


def _empty_but_too_large(proto):
    proto.ClearField('tensor_content')
    for size in (0, 1 << 62):
        proto.tensor_shape.dim.add().size = size


def _higher_rank_than_arrays_have(proto):
    for _ in range(40):
        proto.tensor_shape.dim.add().size = 1


def _unknown_rank(proto):
    proto.tensor_shape.unknown_rank = True


def _strings_as_content(proto):
    proto.dtype = tf.string.as_datatype_enum
    proto.tensor_content = b'\1a'


@pytest.mark.parametrize(
    'spoil',
    [
        _content_of_wrong_length,
        _unsupported_type,
        _negative_size,
        _more_than_any_memory,
        _empty_but_too_large,
        _higher_rank_than_arrays_have,
        _unknown_rank,
        _strings_as_content,
    ],
)
def test_undecodable(spoil):
    proto = tf.make_tensor_proto(np.zeros(2, np.float32))
    spoil(proto)
    with pytest.raises(
        ValueError, match=r'not supported|is unknown or too large|is above the limit|string_val|bytes are not'
    ):
        TensorMessage.of(proto)


def _assert_same(got, wanted):
    assert got.dtype == wanted.dtype and got.shape == wanted.shape
    np.testing.assert_array_equal(got, wanted)
