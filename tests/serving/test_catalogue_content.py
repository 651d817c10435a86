import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creative_logs.errors import InputError
from serving.catalogue_content import read_content
from tests.creative_logs.catalogue.helpers import element, write


@pytest.fixture
def catalogue(tmp_path):
    write(tmp_path / 'a.parquet', element(), element(id='t2', text=None, attributes=None, vector=None))
    write(
        tmp_path / 'b.parquet',
        element(text='listed twice: the first counts'),
        element(component='image', id='t1', text=None, attributes=['size=2', 'red'], vector=[]),
    )
    return tmp_path


def _plain(found):
    return {
        component: {
            id_: (
                content.text,
                content.attributes,
                None if content.vector is None else content.vector.tolist(),
            )
            for id_, content in elements.items()
        }
        for component, elements in found.items()
    }


def test_reads_all_elements(catalogue):
    assert _plain(read_content(catalogue)) == {
        'title': {'t1': (b'Red shoes', b'colour=red', [0.5, -0.5]), 't2': (b'', b'', None)},
        'image': {'t1': (b'', b'red\nsize=2', None)},
    }


def test_reads_the_wanted_elements_alone(catalogue):
    found = read_content(catalogue, {'title': {'t1', 'unlisted'}, 'image': set()})
    assert {component: list(elements) for component, elements in found.items()} == {'title': ['t1']}
    assert read_content(catalogue, {}) == {}


def test_vectors_are_right_in_files_of_several_batches(tmp_path):
    rows = [element(id=f't{i}', vector=[float(i), 1.0] if i % 3 else None) for i in range(5000)]
    write(tmp_path / 'big.parquet', *rows)
    found = read_content(tmp_path / 'big.parquet', {'title': {f't{i}' for i in range(0, 5000, 7)}})['title']
    assert len(found) == 715
    for id_, content in found.items():
        i = int(id_[1:])
        expected = np.array([i, 1.0], np.float32) if i % 3 else None
        np.testing.assert_array_equal(content.vector, expected)


def test_optional_columns_may_be_absent(tmp_path):
    pq.write_table(pa.table({'component': ['title'], 'id': ['t1']}), tmp_path / 'c.parquet')
    assert _plain(read_content(tmp_path)) == {'title': {'t1': (b'', b'', None)}}


def test_content_that_breaks_a_rule_is_named(tmp_path):
    file = write(tmp_path / 'c.parquet', element(id='t7', vector=[float('inf'), 0.0]))
    with pytest.raises(
        InputError, match=f"{file}: element 't7' of 'title': vector: must hold finite numbers"
    ):
        read_content(tmp_path)


def test_a_catalogue_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match='no such catalogue'):
        read_content(tmp_path / 'nowhere')
