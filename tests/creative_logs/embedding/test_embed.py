import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creative_logs.catalogue.check import CatalogueChecker
from creative_logs.catalogue.schema import arrow_schema
from creative_logs.embedding.embed import embed
from creative_logs.embedding.fates import Selection
from creative_logs.embedding.parts import catalogue_parts
from creative_logs.embedding.sources import Source, read_sources
from creative_logs.errors import InputError
from creative_logs.schema import Component, Content, ContextFeature, LogSchema
from tests.creative_logs.embedding.helpers import (
    CountingEncoder,
    FailingEncoder,
    Renamed,
    element,
    vector_of,
    vectors_of,
    write_catalogue,
)

RECORD = {'genco.vectors': json.dumps({'title': {'encoder': 'counting', 'column': 'text'}})}


def _embed(catalogue, out, encoder, *components, column='text', again=False, earlier=None, **settings):
    selection = Selection(frozenset(components) or None, column, again)
    return embed(
        lambda: catalogue_parts(catalogue), out, encoder, selection, earlier_output=earlier, **settings
    )


@pytest.fixture
def encoder():
    return CountingEncoder()


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'out.parquet'


def test_texts_get_vectors_and_all_else_stays(tmp_path, out, encoder):
    rows = [
        element('a', 'Buy now', attributes=['colour=red'], picture='a.png'),
        element('b', 'Ünïcode 東京 🦄'),
        element('a', 'Click', component='button'),
        element('c', None, attributes=[]),
        element('d', ''),
        element('e', ' <br> '),
    ]
    report = _embed(write_catalogue(tmp_path / 'in.parquet', *rows), out, encoder)
    written = pq.read_table(out)
    assert written.schema.equals(arrow_schema())
    assert written.drop_columns('vector').equals(
        pq.read_table(tmp_path / 'in.parquet').drop_columns('vector')
    )
    expected = [vector_of(text) for text in ('Buy now', 'Ünïcode 東京 🦄', 'Click')] + [None] * 3
    assert written['vector'].to_pylist() == expected
    assert report.to_json() == {
        'values': 3,
        'components': {
            'title': {'kept': 0, 'reused': 0, 'embedded': 2, 'absent': 3},
            'button': {'kept': 0, 'reused': 0, 'embedded': 1, 'absent': 0},
        },
        'sources': {name: {'encoder': 'counting', 'column': 'text'} for name in ('title', 'button')},
    }


def test_equal_texts_are_embedded_once_in_batches(tmp_path, out, encoder):
    rows = [element(f'{i}', f'text {i % 10}', component=('title', 'button')[i % 2]) for i in range(10_000)]
    steps = []
    _embed(
        write_catalogue(tmp_path / 'in.parquet', *rows),
        out,
        encoder,
        batch_size=4,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert sorted(encoder.texts) == [f'text {i}' for i in range(10)]
    assert [len(batch) for batch in encoder.batches] == [4, 4, 2]
    assert steps == [(0, 10), (4, 10), (8, 10), (10, 10)]
    assert pq.read_table(out)['vector'].to_pylist() == [vector_of(row['text']) for row in rows]


def test_elements_keep_the_vectors_they_have(tmp_path, out, encoder):
    rows = [element('a', 'Buy', vector=[7.0, 8.0, 9.0]), element('b', 'Sell')]
    catalogue = write_catalogue(tmp_path / 'in.parquet', *rows, metadata=RECORD)
    report = _embed(catalogue, catalogue, encoder)
    assert encoder.texts == ['Sell'] and report.components['title'].kept == 1
    assert vectors_of(catalogue) == {('title', 'a'): [7.0, 8.0, 9.0], ('title', 'b'): vector_of('Sell')}
    _embed(catalogue, catalogue, encoder)
    assert encoder.texts == ['Sell']

    report = _embed(write_catalogue(catalogue, *rows), out, encoder, again=True)
    assert encoder.texts == ['Sell', 'Buy', 'Sell'] and report.components['title'].embedded == 2
    assert vectors_of(out)['title', 'a'] == vector_of('Buy')


def test_an_earlier_output_gives_the_vectors_of_unchanged_elements(tmp_path, out, encoder):
    rows = [element('a', 'Buy'), element('b', 'Sell'), element('c', 'Hold'), element('a', 'Buy', 'button')]
    catalogue = write_catalogue(tmp_path / 'in.parquet', *rows)
    _embed(catalogue, out, encoder)
    assert encoder.texts == ['Buy', 'Sell', 'Hold']
    rows[1]['text'] = 'Sell!'
    rows[2]['id'] = 'new'
    write_catalogue(catalogue, *rows)
    report = _embed(catalogue, out, encoder, earlier=out)
    assert encoder.texts[3:] == ['Sell!', 'Hold']
    assert vectors_of(out) == {(row['component'], row['id']): vector_of(row['text']) for row in rows}
    assert report.components['title'].reused == 1 and report.components['button'].reused == 1

    _embed(catalogue, out, encoder, earlier=out)
    assert len(encoder.texts) == 5
    _embed(catalogue, out, encoder, earlier=out, again=True)
    assert len(encoder.texts) == 8


def test_an_earlier_output_of_another_encoder_is_not_reused(tmp_path, out, encoder):
    catalogue = write_catalogue(tmp_path / 'in.parquet', element('a', 'Buy'))
    _embed(catalogue, out, encoder)
    other = Renamed()
    _embed(catalogue, out, other, earlier=out)
    assert other.texts == ['Buy'] and read_sources(out)['title'].encoder == 'renamed'


def test_components_can_have_encoders_and_columns_of_their_own(tmp_path, out, encoder):
    catalogue = write_catalogue(
        tmp_path / 'in.parquet',
        element('t', 'Buy'),
        element('i', 'A shoe', component='image', picture='shoe.png'),
        element('j', component='image'),
    )
    _embed(catalogue, out, encoder, 'title')
    pictures = Renamed()
    _embed(catalogue, out, pictures, 'image', column='picture', earlier=out)
    assert encoder.texts == ['Buy'] and pictures.texts == ['shoe.png']
    expected = {
        ('title', 't'): vector_of('Buy'),
        ('image', 'i'): vector_of('shoe.png'),
        ('image', 'j'): None,
    }
    assert vectors_of(out) == expected
    assert read_sources(out) == {'title': Source('counting', 'text'), 'image': Source('renamed', 'picture')}

    _embed(catalogue, out, encoder, 'title', earlier=out)
    assert vectors_of(out) == expected and len(encoder.texts) == len(pictures.texts) == 1


def test_vectors_of_two_encoders_are_not_mixed(tmp_path, out, encoder):
    catalogue = write_catalogue(tmp_path / 'in.parquet', element('a', 'Buy'), element('b', 'Sell'))
    _embed(catalogue, out, encoder)
    rows = pq.read_table(out).to_pylist()
    rows[1]['vector'] = None
    write_catalogue(catalogue, *rows, metadata=RECORD)
    before = catalogue.read_bytes()
    with pytest.raises(
        InputError, match=r"in\.parquet: component 'title' .*counting .* and encoder renamed .*--all"
    ):
        _embed(catalogue, catalogue, Renamed())
    assert catalogue.read_bytes() == before

    write_catalogue(catalogue, *rows)
    with pytest.raises(InputError, match='an encoder that is not recorded and encoder renamed'):
        _embed(catalogue, catalogue, Renamed())


def test_vectors_without_a_text_are_not_mixed_even_where_all_are_embedded_again(tmp_path, out, encoder):
    rows = [element('a', 'Buy'), element('b', vector=[1.0, 2.0])]
    with pytest.raises(InputError, match='an encoder that is not recorded'):
        _embed(write_catalogue(tmp_path / 'in.parquet', *rows), out, encoder, again=True)
    assert encoder.texts == []


def test_vectors_of_another_length_are_refused(tmp_path, out, encoder):
    rows = [element('a', 'Buy', vector=[1.0, 2.0]), element('b', 'Sell')]
    catalogue = write_catalogue(tmp_path / 'in.parquet', *rows, metadata=RECORD)
    with pytest.raises(
        InputError, match="component 'title' has a vector of 2 values, and the encoder makes 3"
    ):
        _embed(catalogue, out, encoder)


def test_other_components_keep_vectors_of_any_encoder(tmp_path, out, encoder):
    rows = [element('a', 'Buy'), element('i', vector=[1.0, 2.0], component='image')]
    _embed(write_catalogue(tmp_path / 'in.parquet', *rows), out, encoder)
    assert vectors_of(out) == {('title', 'a'): vector_of('Buy'), ('image', 'i'): [1.0, 2.0]}
    assert read_sources(out).keys() == {'title'}


def test_a_failing_encoder_leaves_no_file(tmp_path, out):
    rows = [element(str(i), f'text {i}') for i in range(10)]
    catalogue = write_catalogue(tmp_path / 'in.parquet', *rows)
    with pytest.raises(InputError, match="failed on 5 values, of which the first is 'text 5'"):
        _embed(catalogue, out, FailingEncoder(), batch_size=5)
    assert list(tmp_path.iterdir()) == [catalogue]
    before = catalogue.read_bytes()
    with pytest.raises(InputError, match='failed on 5 values'):
        _embed(catalogue, catalogue, FailingEncoder(), batch_size=5)
    assert catalogue.read_bytes() == before and list(tmp_path.iterdir()) == [catalogue]


def test_an_interruption_leaves_no_file(tmp_path, out, encoder):
    def interrupt(done, total):
        if done:
            raise KeyboardInterrupt

    catalogue = write_catalogue(tmp_path / 'in.parquet', element('a', 'Buy'))
    with pytest.raises(KeyboardInterrupt):
        _embed(catalogue, out, encoder, progress=interrupt)
    assert list(tmp_path.iterdir()) == [catalogue]


def test_the_output_passes_the_check_of_the_pipeline(tmp_path, out, encoder):
    _embed(
        write_catalogue(tmp_path / 'in.parquet', *[element(str(i), f'{i}') for i in range(5000)]),
        out,
        encoder,
    )
    content = Content(text=True, vector=3)
    schema = LogSchema(
        context=(ContextFeature(name='ad_id'),), components=(Component(name='title', content=content),)
    )
    checker = CatalogueChecker(schema)
    assert sum(batch.num_rows for batch in checker.good_rows(out)) == 5000
    assert checker.report.tally.bad_rows == 0 and checker.report.components['title'].vectors == 5000


def test_an_unknown_component_is_refused(tmp_path, out, encoder):
    catalogue = write_catalogue(tmp_path / 'in.parquet', element('a', 'Buy'))
    with pytest.raises(
        InputError, match=r"in\.parquet: no element of component 'titel'; it has elements of 'title'"
    ):
        _embed(catalogue, out, encoder, 'titel')


def test_what_is_no_catalogue_is_not_overwritten(tmp_path, out, encoder):
    catalogue = write_catalogue(tmp_path / 'in.parquet', element('a', 'Buy'))
    out.write_text('my diary')
    with pytest.raises(InputError, match=r'out\.parquet: cannot be read as Parquet'):
        _embed(catalogue, out, encoder, earlier=out)
    pq.write_table(pa.table({'colour': ['red']}), out)
    with pytest.raises(InputError, match=r"out\.parquet: column 'colour' is unknown"):
        _embed(catalogue, out, encoder, earlier=out)
    assert pq.read_table(out).column_names == ['colour']


def test_faulty_catalogues_are_named(tmp_path, out, encoder):
    catalogue = write_catalogue(
        tmp_path / 'in.parquet', element('a', 'Buy'), metadata={'genco.vectors': '[1]'}
    )
    with pytest.raises(InputError, match=r"in\.parquet: the metadata 'genco.vectors' are damaged"):
        _embed(catalogue, out, encoder)
    table = pa.table({'component': ['title'], 'id': ['a'], 'text': pa.array([b'\xff'])})
    pq.write_table(table, catalogue)
    with pytest.raises(InputError, match=r"in\.parquet: column 'text' must be UTF-8"):
        _embed(catalogue, out, encoder)


def test_rows_without_a_component_and_empty_catalogues_are_written_as_they_are(tmp_path, out, encoder):
    catalogue = write_catalogue(tmp_path / 'in.parquet', element('a', None, component=None))
    _embed(catalogue, out, encoder)
    assert pq.read_table(out).equals(pq.read_table(catalogue))
    _embed(write_catalogue(catalogue), out, encoder)
    assert pq.read_table(out).num_rows == 0 and encoder.texts == []


def test_a_folder_of_files_is_read_whole(tmp_path, out, encoder):
    folder = tmp_path / 'catalogue'
    folder.mkdir()
    write_catalogue(folder / '1.parquet', element('a', 'Buy'))
    write_catalogue(folder / '2.parquet', element('b', 'Sell'), element('c', 'Buy'))
    _embed(folder, out, encoder)
    assert encoder.texts == ['Buy', 'Sell']
    np.testing.assert_array_equal(
        pq.read_table(out)['vector'].to_pylist(), list(map(vector_of, ('Buy', 'Sell', 'Buy')))
    )
