import json
import math
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creative_logs.catalogue.check import CatalogueChecker, CatalogueReport
from creative_logs.errors import InputError
from tests.creative_logs.catalogue.helpers import SCHEMA, element, write

NAN, INFINITY = float('nan'), float('inf')


def checked(path) -> tuple[list[dict], CatalogueReport]:
    """The good rows and the report."""
    checker = CatalogueChecker(SCHEMA)
    batches = list(checker.good_rows(path))
    return [row for batch in batches for row in batch.to_pylist()], checker.report


def reasons(report: CatalogueReport) -> list[str]:
    return [count.example['reason'] for count in report.tally.by_rows()]


@pytest.mark.parametrize(
    'changes',
    [
        {'text': None},
        {'text': ''},
        {'text': 'two\nlines'},
        {'attributes': None},
        {'attributes': []},
        {'attributes': ['a', 'a']},
        {'vector': None},
        {'vector': [0.0, 0.0]},
        {'picture': 'https://example.com/1.png'},
        {'component': 'image', 'vector': [1.0, 2.0, 3.0]},  # no vector of this component is read
        {'component': 'image', 'id': 'i1', 'text': None, 'vector': None},
    ],
)
def test_good_elements(tmp_path, changes):
    good, report = checked(write(tmp_path / 'c.parquet', element(**changes)))
    assert good == [element(**changes)]
    assert (report.tally.rows, report.tally.bad_rows) == (1, 0)


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'component': None}, 'component must be a string other than "": got null'),
        ({'component': ''}, 'component must be a string other than "": got \'\''),
        ({'id': None}, 'id must be a string other than "": got null'),
        ({'id': ''}, 'id must be a string other than "": got \'\''),
        ({'attributes': ['a', None]}, "attributes holds a null: got ['a', None]"),
        ({'attributes': ['a', '']}, "attributes holds an empty string: got ['a', '']"),
        ({'attributes': ['a\nb']}, "attributes holds a line break: got ['a\\nb']"),
        ({'vector': [1.0]}, 'vector of title must have 2 values (content.vector): got 1'),
        ({'vector': [1.0, 2.0, 3.0]}, 'vector of title must have 2 values (content.vector): got 3'),
        ({'vector': []}, 'vector of title must have 2 values (content.vector): got 0'),
        ({'vector': [1.0, NAN]}, 'vector must hold finite numbers: got [1.0, nan]'),
        ({'vector': [-INFINITY, 0.0]}, 'vector must hold finite numbers: got [-inf, 0.0]'),
        ({'vector': [0.0, None]}, 'vector must hold finite numbers: got [0.0, None]'),
    ],
)
def test_bad_elements_are_left_out_with_a_reason(tmp_path, changes, reason):
    path = write(tmp_path / 'c.parquet', element(id='t0'), element(**changes), element(id='t2'))
    good, report = checked(path)
    assert [row['id'] for row in good] == ['t0', 't2']
    assert (report.tally.rows, report.tally.bad_rows) == (3, 1)
    assert reasons(report) == [reason]
    assert report.tally.by_rows()[0].file == str(path)


def test_a_string_that_is_not_utf8_is_bad(tmp_path):
    columns = {'component': ['title'] * 2, 'id': [b'a', b'\xff'], 'text': ['x', 'y']}
    pq.write_table(pa.table(columns), tmp_path / 'c.parquet')
    good, report = checked(tmp_path / 'c.parquet')
    assert [row['id'] for row in good] == ['a']
    assert reasons(report) == ["id must be UTF-8: got '\\\\xff'"]


def test_ids_are_unique_within_a_component_over_all_files(tmp_path):
    write(tmp_path / 'c' / '1.parquet', element(id='a'), element(id='b'), element(id='a', text='again'))
    write(tmp_path / 'c' / '2.parquet', element(id='b'), element(component='image', id='a'), element(id='c'))
    good, report = checked(tmp_path / 'c')
    assert [(row['component'], row['id'], row['text']) for row in good] == [
        ('title', 'a', 'Red shoes'),
        ('title', 'b', 'Red shoes'),
        ('image', 'a', 'Red shoes'),
        ('title', 'c', 'Red shoes'),
    ]
    (rule,) = report.tally.by_rows()
    assert (rule.rule, rule.rows) == ('id must be unique within its component', 2)
    assert rule.file == str(tmp_path / 'c' / '1.parquet')


def test_duplicates_are_found_between_batches(tmp_path):
    rows = [element(id=str(i % 5000)) for i in range(10_000)]
    good, report = checked(write(tmp_path / 'c.parquet', *rows))
    assert [row['id'] for row in good] == [str(i) for i in range(5000)]
    assert report.tally.bad_rows == 5000


def test_what_is_known_is_counted_by_component(tmp_path):
    path = write(
        tmp_path / 'c.parquet',
        element(id='1'),
        element(id='2', text=None, attributes=[]),
        element(id='3', text='', attributes=None, vector=None),
        element(id='4', vector=[1.0]),
        element(component='image', id='1', vector=None),
        element(component='badge', id='1'),
        element(component='badge', id='2'),
        element(component='video', id='1'),
    )
    good, report = checked(path)
    assert {row['component'] for row in good} == {'title', 'image'}
    assert report.to_json() == {
        'elements': 7,
        'bad_elements': 1,
        'rules': [
            {
                'rule': 'vector of title must have 2 values (content.vector)',
                'rows': 1,
                'file': str(path),
                'example': element(
                    id='4',
                    vector=[1.0],
                    reason='vector of title must have 2 values (content.vector): got 1',
                ),
            }
        ],
        'components': {
            'title': {'elements': 3, 'texts': 1, 'attributes': 1, 'vectors': 2},
            'image': {'elements': 1, 'texts': 1, 'attributes': 1, 'vectors': 0},
        },
        'unused': {'badge': 2, 'video': 1},
    }


def test_a_report_is_json_even_where_the_example_is_not(tmp_path):
    _, report = checked(write(tmp_path / 'c.parquet', element(vector=[NAN, 1.0])))
    figures = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert figures['rules'][0]['example']['vector'] == ['nan', 1.0]


def test_too_many_bad_elements_are_refused_with_file_rule_and_example(tmp_path):
    rows = [element(id=f't{i}') for i in range(98)]
    path = write(
        tmp_path / 'c.parquet', *rows, element(id='x', attributes=['']), element(id='y', vector=[NAN] * 2)
    )
    _, report = checked(path)
    report.refuse_above(0.02)
    with pytest.raises(InputError) as error:
        report.refuse_above(0.0199)
    assert str(error.value) == (
        f'{path}: 2 of 100 elements of the catalogue break a rule, more than the allowed share of 0.0199; most '
        "often: attributes holds an empty string: got [''], as in the element 'x' of component 'title'; "
        'correct the catalogue or raise checks.max_bad_share'
    )


def is_good(row: dict) -> bool:
    """The rules of a catalogue, for a row on its own."""
    if not row['component'] or not row['id']:
        return False
    if any(not attribute or '\n' in attribute for attribute in row['attributes'] or ()):
        return False
    vector = row['vector']
    if vector is None:
        return True
    return all(x is not None and math.isfinite(x) for x in vector) and (
        row['component'] != 'title' or len(vector) == 2
    )


ROWS = st.fixed_dictionaries(
    {
        'component': st.sampled_from(['title', 'image', 'badge', '', None]),
        'id': st.sampled_from(['a', 'b', 'c', 'é', '', None]),
        'text': st.none() | st.text(),
        'attributes': st.none() | st.lists(st.none() | st.text(alphabet='ab\n', max_size=2), max_size=3),
        'vector': st.none() | st.lists(st.none() | st.floats(width=32), max_size=3),
        'picture': st.none() | st.text(),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, max_size=12), st.integers(0, 12))
def test_the_rules_are_those_that_are_documented(rows, cut):
    """Each row is judged as by a plain reading of the rules, wherever the rows are cut into files."""
    seen, expected, bad = set(), [], 0
    for row in rows:
        key = row['component'], row['id']
        good = key not in seen and is_good(row)
        seen.add(key)
        bad += not good
        if good and row['component'] != 'badge':
            expected.append(row)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, '1.parquet'), *rows[:cut])
        write(Path(folder, '2.parquet'), *rows[cut:])
        found, report = checked(folder)
    assert found == expected
    assert (report.tally.rows, report.tally.bad_rows) == (len(rows), bad)
    assert sum(counts.elements for counts in report.components.values()) == len(expected)
