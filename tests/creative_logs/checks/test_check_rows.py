import math

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creative_logs.checks.check_logs import check, conform
from creative_logs.checks.check_rows import REASON, rule_of
from tests.creative_logs.examples import SCHEMA, batch_of, good_row

FLOATS = st.sampled_from([None, 0.0, -1.0, 0.3, 1.0, 1.5, math.nan, math.inf])
IDS = st.none() | st.lists(st.sampled_from(['', 'a', 'b', 'c', None]), max_size=5)
MUTATIONS = {
    'request_id': st.sampled_from(['r', None]),
    'timestamp': st.sampled_from([0, None]),
    'ad_id': st.sampled_from(['', None]),
    'price': FLOATS,
    'terms': st.none() | st.lists(st.sampled_from(['', 'x', None]), max_size=3),
    'title_candidates': IDS,
    'title_shown': st.sampled_from([None, -2, -1, 0, 1, 2, 5]),
    'title_text': IDS,
    'title_propensity': FLOATS,
    'image_candidates': IDS,
    'image_shown': st.sampled_from([None, -2, -1, 0, 3, 4]),
    'image_propensity': FLOATS,
    'click': st.sampled_from([None, -1, 0, 1, 2]),
    'weight': FLOATS,
    'policy': st.sampled_from([None, '']),
}


@st.composite
def rows(draw):
    row = good_row()
    for name in draw(st.lists(st.sampled_from(sorted(MUTATIONS)), max_size=3, unique=True)):
        row[name] = draw(MUTATIONS[name])
    if draw(st.booleans()):
        row |= {'title_candidates': [], 'title_shown': -1, 'title_text': [], 'title_propensity': None}
    return row


def broken_columns(row: dict) -> set[str]:
    """The rules of the log schema once more, row by row in plain Python: the columns that break one."""
    broken = {name for name in ('request_id', 'timestamp', 'ad_id', 'click', 'weight') if row[name] is None}
    if row['click'] not in (0, 1):
        broken.add('click')
    if row['weight'] is not None and not (math.isfinite(row['weight']) and row['weight'] > 0):
        broken.add('weight')
    if row['price'] is not None and not math.isfinite(row['price']):
        broken.add('price')
    if row['terms'] and None in row['terms']:
        broken.add('terms')
    for name in ('title', 'image'):
        ids, shown, p = row[f'{name}_candidates'], row[f'{name}_shown'], row[f'{name}_propensity']
        if ids is None or None in ids or '' in ids or len(set(ids)) < len(ids):
            broken.add(f'{name}_candidates')
        if shown is None or shown not in (range(len(ids)) if ids else [-1]):
            broken.add(f'{name}_shown')
        if p is not None and not 0 < p <= 1:
            broken.add(f'{name}_propensity')
    texts = row['title_text']
    if texts is None or None in texts or len(texts) != len(row['title_candidates'] or []):
        broken.add('title_text')
    if not row['title_candidates'] and not row['image_candidates']:
        broken.add('all')
    return broken


@given(st.lists(rows(), max_size=12))
def test_good_and_bad_rows_are_those_of_a_plain_python_check(logged):
    for i, row in enumerate(logged):
        row['age'] = i  # finds the row again
    good, bad = check(batch_of(*logged), SCHEMA)
    broken = [broken_columns(row) for row in logged]
    assert good['age'].to_pylist() == [i for i, names in enumerate(broken) if not names]
    assert bad['age'].to_pylist() == [i for i, names in enumerate(broken) if names]
    for i, reason in zip(bad['age'].to_pylist(), bad[REASON].to_pylist()):
        assert reason.split()[0] in broken[i]


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'click': 2}, 'click must be 0 or 1: got 2'),
        ({'timestamp': None}, 'timestamp must not be null: got null'),
        (
            {'title_shown': 2},
            'title_shown must be an index into title_candidates (-1 for an empty list): got 2',
        ),
        (
            {'title_shown': -1},
            'title_shown must be an index into title_candidates (-1 for an empty list): got -1',
        ),
        (
            {'title_candidates': [], 'title_text': [], 'title_shown': 0},
            'title_shown must be an index into title_candidates (-1 for an empty list): got 0',
        ),
        (
            {'weight': 0.0, 'click': 2, 'title_propensity': 2.0},
            'title_propensity must be in (0, 1] or null: got 2.0',
        ),
        (
            {'image_candidates': ['a', 'b', 'c', 'a']},
            "image_candidates holds an id twice: got ['a', 'b', 'c', 'a']",
        ),
        ({'title_candidates': ['', 'b']}, "title_candidates holds an empty id: got ['', 'b']"),
        ({'title_text': ['x']}, "title_text must have one text per element of title_candidates: got ['x']"),
        ({'title_propensity': 0.0}, 'title_propensity must be in (0, 1] or null: got 0.0'),
        ({'title_propensity': math.nan}, 'title_propensity must be in (0, 1] or null: got nan'),
        ({'weight': -1.0}, 'weight must be finite and above 0: got -1.0'),
        ({'price': math.inf}, 'price must be finite: got inf'),
    ],
)
def test_the_reason_names_the_column_the_rule_and_the_value(changes, reason):
    _, bad = check(batch_of(good_row(), good_row(**changes)), SCHEMA)
    assert bad[REASON].to_pylist() == [reason]


def test_lists_longer_than_max_candidates_are_good():
    assert len(good_row()['image_candidates']) > SCHEMA.max_candidates
    good, bad = check(batch_of(good_row()), SCHEMA)
    assert (good.num_rows, bad.num_rows) == (1, 0)


def test_context_values_may_be_null():
    good, _ = check(batch_of(good_row(price=None, age=None, terms=None)), SCHEMA)
    assert good.num_rows == 1


def test_the_rule_does_not_depend_on_the_value():
    _, bad = check(batch_of(good_row(click=2), good_row(click=-7)), SCHEMA)
    assert {rule_of(reason) for reason in bad[REASON].to_pylist()} == {'click must be 0 or 1'}


@given(
    st.lists(st.none() | st.binary(max_size=4), max_size=20),
    st.lists(st.none() | st.lists(st.binary(max_size=4), max_size=3), max_size=20),
)
def test_rows_that_are_not_utf8_are_found(scalars, lists):
    def is_utf8(value):
        try:
            return value is None or value.decode() is not None
        except UnicodeDecodeError:
            return False

    size = min(len(scalars), len(lists))
    batch = batch_of(*[good_row(age=i) for i in range(size)])
    fields = batch.schema
    batch = batch.set_column(
        fields.get_field_index('policy'), 'policy', pa.array(scalars[:size], pa.binary())
    )
    binary_lists = pa.array(lists[:size], pa.list_(pa.binary()))
    batch = batch.set_column(fields.get_field_index('terms'), 'terms', binary_lists)
    _, bad = check(conform(batch, SCHEMA, 'file'), SCHEMA)
    expected = [
        i
        for i, (scalar, items) in enumerate(zip(scalars, lists))
        if not (is_utf8(scalar) and all(is_utf8(item) for item in items or []))
    ]
    assert bad['age'].to_pylist() == expected
    assert all('must be UTF-8' in reason for reason in bad[REASON].to_pylist())
    bad.validate(full=True)


def test_a_slice_is_checked_as_its_rows_are():
    batch = batch_of(*[good_row(age=i, click=i % 3, title_text=['x'] * (1 + i % 2)) for i in range(20)])
    whole = [t.to_pylist() for t in check(batch, SCHEMA)]
    part = [t.to_pylist() for t in check(batch.slice(5, 9), SCHEMA)]
    for all_rows, some in zip(whole, part):
        assert some == [row for row in all_rows if 5 <= row['age'] < 14]


def test_values_hidden_under_a_null_list_are_not_seen():
    hidden = pa.ListArray.from_arrays([0, 2, 3], pa.array(['a', None, 'b']), mask=pa.array([True, False]))
    batch = batch_of(good_row(age=0), good_row(age=1))
    batch = batch.set_column(batch.schema.get_field_index('terms'), 'terms', hidden)
    good, bad = check(batch, SCHEMA)
    assert good['age'].to_pylist() == [0, 1]
    assert pc.is_null(good['terms']).to_pylist() == [True, False]
    assert bad.num_rows == 0
