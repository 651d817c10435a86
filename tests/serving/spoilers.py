"""Ways to spoil a PredictRequest, for tests that a server survives them."""

import random

import numpy as np
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from tests.serving.tiny_model import predict_request

_SIZES = (-1, 0, 1, 2, 3, 7, 1 << 20, 1 << 31, 1 << 62, (1 << 63) - 1)


def _flip_bytes(good: bytes, draw: random.Random) -> bytes:
    message = bytearray(good)
    for _ in range(draw.randint(1, 8)):
        message[draw.randrange(len(message))] = draw.randrange(256)
    return bytes(message)


def _cut(good: bytes, draw: random.Random) -> bytes:
    return good[: draw.randrange(len(good))]


def _insert(good: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(good))
    return good[:place] + draw.randbytes(draw.randint(1, 16)) + good[place:]


def _noise(_: bytes, draw: random.Random) -> bytes:
    return draw.randbytes(draw.randint(0, 200))


def _claim_size(_: bytes, draw: random.Random) -> bytes:
    """A field that claims a length of 2^63 bytes, a number without an end, or an empty message."""
    return draw.choice(
        [b'\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f', b'\x12' + b'\xff' * draw.randint(1, 30), b'']
    )


def _with_tensor(change):
    def spoil(good: bytes, draw: random.Random) -> bytes:
        request = PredictRequest.FromString(good)
        change(request.inputs[draw.choice(sorted(request.inputs))], draw)
        return request.SerializeToString()

    spoil.__name__ = change.__name__
    return spoil


def _type(tensor, draw):
    tensor.dtype = draw.choice([0, *range(1, 25), 101, 1000])


def _shape(tensor, draw):
    del tensor.tensor_shape.dim[:]
    for _ in range(draw.randint(0, 6)):
        tensor.tensor_shape.dim.add().size = draw.choice(_SIZES)
    tensor.tensor_shape.unknown_rank = draw.random() < 0.1


def _many_dimensions(tensor, draw):
    for _ in range(draw.choice([30, 60, 255, 300, 10_000])):
        tensor.tensor_shape.dim.add().size = draw.choice([0, 1])


def _content(tensor, draw):
    tensor.tensor_content = draw.randbytes(draw.randint(1, 64))


def _no_values(tensor, draw):
    for field in ('string_val', 'int64_val', 'float_val', 'tensor_content'):
        tensor.ClearField(field)


def _more_rows(tensor, draw):
    tensor.tensor_shape.dim[0].size = draw.randint(0, 5)


def _values_of_another_type(tensor, draw):
    _no_values(tensor, draw)
    array = draw.choice([np.ones(2, np.float64), np.ones(2, bool), np.array([b'x', b'y'], object)])
    tensor.CopyFrom(predict_request({'x': array}).inputs['x'])


def _not_utf8(tensor, draw):
    if tensor.string_val:
        tensor.string_val[0] = draw.randbytes(draw.randint(1, 300))
    else:
        tensor.float_val.append(float('nan'))


def _names(good: bytes, draw: random.Random) -> bytes:
    request = PredictRequest.FromString(good)
    change = draw.randrange(6)
    if change == 0:
        request.model_spec.signature_name = draw.choice(
            ['nothing', 'spin', 'score_combinations', '\0', 'x' * 10_000]
        )
    elif change == 1:
        request.model_spec.name = draw.choice(['', 'other', 'x' * 10_000])
    elif change == 2:
        request.model_spec.version.value = draw.choice([-1, 0, 99, (1 << 63) - 1])
    elif change == 3:
        request.model_spec.version_label = 'nothing'
    elif change == 4:
        request.output_filter.extend(draw.choices(['ctr', 'nothing', ''], k=draw.randint(1, 4)))
    else:
        del request.inputs[draw.choice(sorted(request.inputs))]
        request.inputs['extra'].dtype = draw.randrange(30)
    return request.SerializeToString()


_TENSOR_CHANGES = (
    _type,
    _shape,
    _many_dimensions,
    _content,
    _no_values,
    _more_rows,
    _values_of_another_type,
    _not_utf8,
)
SPOILERS = (_flip_bytes, _cut, _insert, _noise, _claim_size, _names, *map(_with_tensor, _TENSOR_CHANGES))
