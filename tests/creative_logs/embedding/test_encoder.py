import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from creative_logs.embedding.encoder import SENTENCES, encode, find_encoder
from creative_logs.embedding.sentence_encoder import SentenceEncoder
from creative_logs.errors import InputError
from tests.creative_logs.embedding.helpers import CountingEncoder, FailingEncoder

ready = CountingEncoder()


def _refuse():
    raise KeyError('model.onnx')


@pytest.fixture
def module(monkeypatch):
    """A module of a user."""
    found = ModuleType('their_encoders')
    found.Counting = CountingEncoder
    found.ready = ready
    found.make = lambda: ready
    found.threaded = lambda threads: SimpleNamespace(name=f'on {threads}', dimensions=2, encode=len)
    found.refuse = _refuse
    found.number = 3
    found.nothing = lambda: None
    found.unnamed = SimpleNamespace(name='', dimensions=2, encode=len)
    found.flat = SimpleNamespace(name='flat', dimensions=0, encode=len)
    monkeypatch.setitem(sys.modules, 'their_encoders', found)
    return found


def test_the_packaged_encoder_is_found_like_any_other():
    assert isinstance(find_encoder(SENTENCES, threads=1), SentenceEncoder)


def test_classes_objects_and_functions_are_found(module):
    assert isinstance(find_encoder('their_encoders:Counting'), CountingEncoder)
    assert find_encoder('their_encoders:ready') is ready
    assert find_encoder('their_encoders:make') is ready
    assert find_encoder('their_encoders:threaded', threads=2).name == 'on 2'


@pytest.mark.parametrize(
    'path, message',
    [
        ('their_encoders', 'must look like module:attribute'),
        (':ready', 'must look like module:attribute'),
        ('no_such_module_here:clip', 'cannot be imported: ModuleNotFoundError'),
        ('their_encoders:missing', 'cannot be imported: AttributeError'),
        ('their_encoders:refuse', "cannot be made: KeyError: 'model.onnx'"),
        ('their_encoders:number', 'must have name, dimensions and encode'),
        ('their_encoders:nothing', 'None lacks one'),
        ('their_encoders:unnamed', 'name must be a string other than ""'),
        ('their_encoders:flat', 'dimensions must be a whole number above 0, got 0'),
    ],
)
def test_what_is_no_encoder_is_refused_in_one_line(module, path, message):
    with pytest.raises(InputError) as caught:
        find_encoder(path)
    assert message in str(caught.value) and str(caught.value).startswith(f'encoder {path!r}: ')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('path', ['their_encoders:ready', 'their_encoders:make'])
def test_threads_need_an_encoder_that_takes_them(module, path):
    with pytest.raises(InputError, match='threads'):
        find_encoder(path, threads=2)


def _encoder(result):
    return SimpleNamespace(name='theirs', dimensions=2, encode=lambda texts: result)


def test_results_become_float32():
    vectors = encode(_encoder([[1, 2], [3, 4.5]]), ['a', 'b'])
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, [[1, 2], [3, 4.5]])


@pytest.mark.parametrize(
    'result, message',
    [
        ([[1, 2]], r'must return \[2, 2\] numbers for 2 values, got \[1, 2\]'),
        ([[1, 2, 3], [1, 2, 3]], r'got \[2, 3\]'),
        ([1, 2], r'got \[2\]'),
        ([[1, 2], [np.nan, 0]], "must return finite numbers, got others for 'b'"),
        ([[np.inf, 2], [1, 0]], "must return finite numbers, got others for 'a'"),
        ([[1e39, 2], [1, 0]], "must return finite numbers, got others for 'a'"),
        ('text', "failed on 2 values, of which the first is 'a': ValueError"),
    ],
)
@pytest.mark.filterwarnings('ignore:overflow')
def test_impossible_results_are_refused(result, message):
    with pytest.raises(InputError, match=f'^encoder theirs: .*{message}'):
        encode(_encoder(result), ['a', 'b'])


def test_what_an_encoder_raises_is_one_line():
    encoder = FailingEncoder()
    encode(encoder, ['a'])
    with pytest.raises(InputError, match='RuntimeError: out of memory$'):
        encode(encoder, ['x' * 1000])
