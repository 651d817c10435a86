import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creative_logs.catalogue.schema import arrow_schema
from creative_logs.embedding.parts import LoggedTexts
from creative_logs.errors import InputError
from creative_logs.schema import Component, Content, LogSchema
from tests.creative_logs.examples import SCHEMA, good_row, write_logs


def _rows(texts: LoggedTexts) -> list[dict]:
    parts = list(texts.parts())
    assert all(part.rows.schema.equals(arrow_schema()) for part in parts)
    return [row for part in parts for row in part.rows.to_pylist()]


def _pairs(texts: LoggedTexts) -> set[tuple[str, str, str]]:
    return {(row['component'], row['id'], row['text']) for row in _rows(texts)}


def test_each_candidate_is_there_once_with_its_text(tmp_path):
    rows = [
        good_row(),
        good_row(title_candidates=['t2', 't3'], title_text=['Now', 'Ünïcode 🦄']),
        good_row(title_candidates=[], title_text=[], title_shown=-1),
    ]
    texts = LoggedTexts(write_logs(tmp_path / 'logs', rows, days=('2024-01-01', '2024-01-02')), SCHEMA)
    empty = {'attributes': None, 'vector': None, 'picture': None}
    expected = [('t1', 'Buy'), ('t2', 'Now'), ('t3', 'Ünïcode 🦄')]
    assert _rows(texts) == [{'component': 'title', 'id': i, 'text': t, **empty} for i, t in expected]
    assert texts.changed == 0


def test_the_newest_text_is_taken(tmp_path):
    logs = write_logs(tmp_path / 'logs', [good_row(title_text=['New', 'Now'])], days=('2024-01-02',))
    write_logs(logs, [good_row(title_text=['Old', 'Now'])], days=('2024-01-01',))
    texts = LoggedTexts(logs, SCHEMA)
    assert _pairs(texts) == {('title', 't1', 'New'), ('title', 't2', 'Now')}
    assert texts.changed == 1


def test_rows_whose_texts_do_not_fit_are_passed_over(tmp_path):
    rows = [
        good_row(title_candidates=['t7', 't8'], title_text=['only one']),
        good_row(title_candidates=['t7', None], title_text=['a', 'b']),
        good_row(title_candidates=['t7', 't8'], title_text=['a', None]),
        good_row(title_candidates=None, title_text=None),
        good_row(),
    ]
    assert _pairs(LoggedTexts(write_logs(tmp_path / 'logs', rows), SCHEMA)) == {
        ('title', 't1', 'Buy'),
        ('title', 't2', 'Now'),
    }


def test_texts_of_components_whose_content_is_in_the_catalogue_are_read(tmp_path):
    components = (
        Component(name='title', content=Content(text=True, vector=3)),
        Component(name='image', content=Content(vector=3)),
    )
    schema = LogSchema(context=SCHEMA.context, components=components)
    assert len(_pairs(LoggedTexts(write_logs(tmp_path / 'logs', [good_row()]), schema))) == 2


def test_many_elements_come_in_parts(tmp_path):
    rows = [
        good_row(title_candidates=[f't{i}'], title_text=[f'text {i}'], title_shown=0) for i in range(9000)
    ]
    texts = LoggedTexts(write_logs(tmp_path / 'logs', rows), SCHEMA)
    assert len(_pairs(texts)) == 9000 and max(part.rows.num_rows for part in texts.parts()) <= 4096


def test_bytes_that_are_not_utf8_are_passed_over(tmp_path):
    folders = [tmp_path / 'logs' / '2024-01-01' / split for split in ('train', 'test')]
    ids, texts = [['t1'], ['t2']], pa.array([[b'good'], [b'\xff']])
    for folder in folders:
        folder.mkdir(parents=True)
        pq.write_table(pa.table({'title_candidates': ids, 'title_text': texts}), folder / 'part.parquet')
    assert _pairs(LoggedTexts(tmp_path / 'logs', SCHEMA)) == {('title', 't1', 'good')}


def test_logs_without_texts_are_refused(tmp_path):
    logs = write_logs(tmp_path / 'logs', [good_row()])
    schema = LogSchema(context=SCHEMA.context, components=(Component(name='image', text=True),))
    with pytest.raises(InputError, match='holds no texts: expected at least one column image_text'):
        LoggedTexts(logs, schema)


def test_faulty_logs_are_named(tmp_path):
    with pytest.raises(InputError, match='no such folder of logs'):
        LoggedTexts(tmp_path / 'none', SCHEMA)
    logs = write_logs(tmp_path / 'logs', [good_row()])
    (logs / '2024-01-01' / 'test' / 'part-0.parquet').write_bytes(b'PAR1 no more PAR1')
    with pytest.raises(InputError, match=r'test/part-0\.parquet: cannot be read as Parquet'):
        LoggedTexts(logs, SCHEMA)
