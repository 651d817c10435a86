import hashlib
import itertools
import struct

import numpy as np
import pytest

from creative_logs.errors import InputError
from serving.client.content import ElementContent
from serving.client.contract import ContentInputs

ALL = ContentInputs(True, True, 2)


def test_content_is_encoded_as_requests_bring_it():
    content = ElementContent('Grün', ['size=2', b'colour=red'], [0.5, -1])
    assert content.text == 'Grün'.encode()
    assert content.attributes == b'colour=red\nsize=2'
    assert content.vector.dtype == np.float32 and content.vector.tolist() == [0.5, -1.0]


def test_an_element_may_have_no_content():
    content = ElementContent()
    assert (content.text, content.attributes, content.vector) == (b'', b'', None)
    assert content.reference(ALL) == 0


def test_a_vector_of_zeros_is_none():
    assert ElementContent(vector=[0.0, -0.0]).vector is None


def test_the_vector_is_a_copy_that_cannot_be_changed():
    given = np.ones(2, np.float32)
    content = ElementContent(vector=given)
    given[0] = 7
    assert content.vector.tolist() == [1, 1]
    with pytest.raises(ValueError, match='read-only'):
        content.vector[0] = 7


def test_the_reference_is_a_hash_of_the_bytes_that_are_sent():
    content = ElementContent('Buy', ['b', 'a'], [0.5, -0.0])
    parts = struct.pack('<qq', 3, 3) + b'Buy' + b'a\nb' + struct.pack('<ff', 0.5, 0.0)
    digest = hashlib.blake2b(parts, digest_size=8).digest()
    assert content.reference(ALL) == int.from_bytes(digest, 'little') // 4


def test_references_are_equal_where_what_the_model_takes_is_equal():
    content = ElementContent('Buy', ['a', 'b'], [1.0, 2.0])
    assert content.reference(ALL) == ElementContent(b'Buy', ['b', 'a'], np.array([1, 2])).reference(ALL)
    others = [
        ElementContent('Buy!', ['a', 'b'], [1.0, 2.0]),
        ElementContent('Buy', ['a'], [1.0, 2.0]),
        ElementContent('Buy', ['a', 'b'], [1.0, 2.5]),
        ElementContent('Buy', ['a', 'b']),
        ElementContent('Buya', ['b'], [1.0, 2.0]),
    ]
    assert len({other.reference(ALL) for other in [content, *others]}) == 6
    without_vector = ContentInputs(True, True, 0)
    assert (
        content.reference(without_vector) == others[2].reference(without_vector) == others[3].reference(ALL)
    )


def test_references_are_between_1_and_2_to_the_62():
    takes = ContentInputs(True, False, 0)
    references = [ElementContent(f'text {i}').reference(takes) for i in range(1000)]
    assert len(set(references)) == 1000
    assert 0 < min(references) and max(references) < 1 << 62 and max(references) > 1 << 61


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'text': 7}, 'text: must be a string, got 7'),
        ({'text': b'\xff'}, r"text: must be UTF-8, got b'\xff'"),
        ({'attributes': 'red'}, "attributes: must be a list of strings, got 'red'"),
        ({'attributes': ['red', 7]}, 'attributes: must be a string, got 7'),
        ({'attributes': ['red', '']}, "attributes: an attribute must not be empty, got ''"),
        (
            {'attributes': ['a\nb']},
            r"attributes: an attribute must not have a line break, got 'a\nb'",
        ),
        ({'vector': []}, 'vector: must be a list of numbers, got []'),
        ({'vector': 'abc'}, "vector: must be a list of numbers, got 'abc'"),
        ({'vector': [[1.0], [2.0]]}, 'vector: must be a list of numbers, got [[1.0], [2.0]]'),
        ({'vector': [[1.0], 2.0]}, 'vector: must be a list of numbers, got [[1.0], 2.0]'),
        ({'vector': [True, False]}, 'vector: must be a list of numbers, got [True, False]'),
        ({'vector': [1.0, None]}, 'vector: must be a list of numbers, got [1.0, None]'),
        (
            {'vector': [1.0, float('nan')]},
            'vector: must hold finite numbers that fit float32, got nan at place 1',
        ),
        ({'vector': [1e39]}, 'vector: must hold finite numbers that fit float32, got 1e+39 at place 0'),
    ],
)
def test_content_that_breaks_a_rule(arguments, message):
    with pytest.raises(InputError) as error:
        ElementContent(**arguments)
    assert str(error.value) == message


def test_long_values_are_shortened_in_errors():
    with pytest.raises(InputError) as error:
        ElementContent(vector=list(itertools.repeat('x', 1000)))
    assert len(str(error.value)) < 110 and str(error.value).endswith('...')
