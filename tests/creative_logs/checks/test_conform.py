import pyarrow as pa
import pytest

from creative_logs.checks.check_logs import check, conform
from creative_logs.errors import InputError
from tests.creative_logs.examples import SCHEMA, batch_of, good_row


def with_column(name: str, column: pa.Array) -> pa.RecordBatch:
    batch = batch_of(*[good_row()] * len(column))
    return batch.set_column(batch.schema.get_field_index(name), name, column)


def test_a_batch_of_the_schema_is_unchanged():
    batch = batch_of(good_row(), good_row(click=1))
    assert conform(batch, SCHEMA, 'file').equals(batch)


def test_columns_come_in_the_order_of_the_schema():
    batch = batch_of(good_row())
    assert conform(batch.select(batch.schema.names[::-1]), SCHEMA, 'file').equals(batch)


def test_absent_optional_columns_are_filled():
    batch = batch_of(good_row()).drop_columns(['weight', 'title_propensity', 'policy', 'model_version'])
    (row,) = conform(batch, SCHEMA, 'file').to_pylist()
    assert row == good_row(title_propensity=None)


@pytest.mark.parametrize(
    ('name', 'given', 'expected'),
    [
        ('age', pa.array([7], pa.int8()), 7),
        ('age', pa.array([7], pa.uint32()), 7),
        ('click', pa.array([True]), 1),
        ('price', pa.array([0.25], pa.float64()), 0.25),
        ('weight', pa.array([3], pa.int32()), 3.0),
        ('ad_id', pa.array(['a'], pa.large_string()), 'a'),
        ('ad_id', pa.array(['a']).dictionary_encode(), 'a'),
        ('ad_id', pa.array(['é'.encode()], pa.binary()), 'é'),
        ('policy', pa.nulls(1), None),
        ('terms', pa.array([['a', 'b']], pa.large_list(pa.large_string())), ['a', 'b']),
        ('terms', pa.array([['a']], pa.list_(pa.string(), 1)), ['a']),
        ('image_candidates', pa.array([[b'i', b'j']], pa.list_(pa.binary())), ['i', 'j']),
    ],
)
def test_types_are_widened(name, given, expected):
    conformed = conform(with_column(name, given), SCHEMA, 'file')
    assert conformed.schema == SCHEMA.arrow_schema()
    assert conformed[name].to_pylist() == [expected]


@pytest.mark.parametrize(
    ('name', 'given'),
    [
        ('age', pa.array([7.0])),
        ('age', pa.array(['7'])),
        ('ad_id', pa.array([7])),
        ('price', pa.array(['7'])),
        ('image_shown', pa.array([0.0])),
        ('image_candidates', pa.array(['i'])),
        ('image_candidates', pa.array([[1]])),
        ('timestamp', pa.array([0], pa.timestamp('us'))),
        ('age', pa.array([2**63], pa.uint64())),
    ],
)
def test_a_type_that_does_not_fit_is_named(name, given):
    with pytest.raises(InputError, match=f'^some/file: column {name!r} must be '):
        conform(with_column(name, given), SCHEMA, 'some/file')


def test_unknown_missing_and_repeated_columns_are_named():
    batch = batch_of(good_row())
    with pytest.raises(InputError, match="^f: column 'colour' is unknown"):
        conform(batch.append_column('colour', pa.array(['red'])), SCHEMA, 'f')
    with pytest.raises(InputError, match="^f: column 'image_shown' is missing"):
        conform(batch.drop_columns(['image_shown']), SCHEMA, 'f')
    with pytest.raises(InputError, match="^f: column 'click' is there 2 times"):
        conform(batch.append_column('click', pa.array([0])), SCHEMA, 'f')


def test_texts_of_a_component_without_text_are_dropped():
    batch = batch_of(good_row()).append_column('image_text', pa.array([['a', 'b', 'c', 'd']]))
    assert conform(batch, SCHEMA, 'f').equals(batch_of(good_row()))


def test_bytes_that_are_not_utf8_are_left_to_the_check_of_rows():
    batch = conform(with_column('ad_id', pa.array([b'ok', b'caf\xe9'])), SCHEMA, 'f')
    good, bad = check(batch, SCHEMA)
    assert good['ad_id'].to_pylist() == ['ok']
    assert bad['ad_id'].to_pylist() == ['caf\\xe9']


def test_what_only_the_decision_log_has_is_allowed_and_dropped():
    batch = batch_of(good_row())
    for field in SCHEMA.decision_schema():
        batch = batch.append_column(field, pa.nulls(1, field.type))
    assert conform(batch, SCHEMA, 'file').equals(batch_of(good_row()))
