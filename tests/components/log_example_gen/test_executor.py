"""The executor on small logs in a real Beam runner."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from components.log_example_gen.component import LogExampleGen, span_of
from components.log_example_gen.executor import Executor
from components.log_example_gen.settings import Settings, pack, unpack
from creative_logs.errors import InputError
from tests.components.log_example_gen.helpers import decode
from tests.creative_logs.examples import SCHEMA, batch_of, good_row

DAY = '2024-01-01'


def _rows(count: int, **changes) -> list[dict]:
    return [good_row(request_id=f'r{i}', timestamp=i, **changes) for i in range(count)]


def _write(root: Path, split: str, rows: list[dict], name: str = 'part-0', day: str = DAY) -> Path:
    path = root / day / split / f'{name}.parquet'
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_batches([batch_of(*rows)]), path, row_group_size=3)
    return path


def _run(
    root: Path, out: Path, max_bad_share: float = 0.5, days: dict | None = None
) -> standard_artifacts.Examples:
    examples = standard_artifacts.Examples()
    examples.uri = str(out)
    examples.set_int_custom_property('span', span_of(DAY))
    settings = Settings(
        log_schema=SCHEMA, max_bad_share=max_bad_share, days=days or {'train': [DAY], 'test': [DAY]}
    )
    context = BaseBeamExecutor.Context(beam_pipeline_args=['--runner=FnApiRunner'], tmp_dir=str(out / 'tmp'))
    Executor(context).Do(
        {},
        {'examples': [examples]},
        {'input_base': str(root), 'custom_config': proto_utils.proto_to_json(pack(settings))},
    )
    return examples


def _read(out: Path, split: str) -> list[dict]:
    files = sorted(str(path) for path in out.glob(f'Split-{split}/*'))
    return [decode(record) for record in tf.data.TFRecordDataset(files, 'GZIP').as_numpy_iterator()]


def test_every_row_arrives_in_order_with_its_zeros(tmp_path):
    _write(tmp_path / 'logs', 'train', _rows(7), 'part-0')
    _write(tmp_path / 'logs', 'train', [good_row(request_id='last', click=1, age=None)], 'part-1')
    _write(tmp_path / 'logs', 'test', _rows(2))
    examples = _run(tmp_path / 'logs', tmp_path / 'out')

    train = _read(tmp_path / 'out', 'train')
    assert [row['request_id'] for row in train] == [[f'r{i}'] for i in range(7)] + [['last']]
    assert [row['click'] for row in train] == [[0]] * 7 + [[1]]
    assert train[0]['timestamp'] == [0]
    assert train[-1]['age'] is None
    assert len(_read(tmp_path / 'out', 'test')) == 2
    assert examples.split_names == '["train", "test"]'
    assert examples.get_int_custom_property('rows') == 10
    assert examples.get_int_custom_property('bad_rows') == 0
    assert examples.span == span_of(DAY)
    assert examples_utils.get_payload_format_string(examples) == 'FORMAT_TF_EXAMPLE'
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['Split-test', 'Split-train']


def test_bad_rows_are_quarantined_with_their_reason(tmp_path):
    rows = _rows(6)
    rows[1]['click'] = 2
    rows[4]['title_shown'] = 9
    _write(tmp_path / 'logs', 'train', rows)
    _write(tmp_path / 'logs', 'test', _rows(4))
    examples = _run(tmp_path / 'logs', tmp_path / 'out', max_bad_share=0.2)

    assert [row['request_id'] for row in _read(tmp_path / 'out', 'train')] == [['r0'], ['r2'], ['r3'], ['r5']]
    bad = pq.read_table(tmp_path / 'out' / 'quarantine' / 'train').to_pylist()
    assert sorted(row['request_id'] for row in bad) == ['r1', 'r4']
    assert all(row['reason'] for row in bad)
    assert examples.get_int_custom_property('bad_rows') == 2


def test_too_many_bad_rows_stop_with_file_rule_and_row(tmp_path):
    path = _write(tmp_path / 'logs', 'train', _rows(2) + _rows(2, click=2))
    _write(tmp_path / 'logs', 'test', _rows(6))
    with pytest.raises(InputError, match=rf'{path}: 2 of 10 rows of day {DAY} .*click must be 0 or 1.*r0'):
        _run(tmp_path / 'logs', tmp_path / 'out', max_bad_share=0.19)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'no parquet', 'cannot be read as Parquet'),
        (None, 'unknown'),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_named(tmp_path, content, message):
    _write(tmp_path / 'logs', 'test', _rows(2))
    path = _write(tmp_path / 'logs', 'train', _rows(2))
    if content is None:
        pq.write_table(pq.read_table(path).append_column('surprise', pa.array([1, 2])), path)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf'{path}: .*{message}'):
        _run(tmp_path / 'logs', tmp_path / 'out')


def test_a_split_without_a_good_row_is_an_error(tmp_path):
    _write(tmp_path / 'logs', 'train', _rows(9))
    _write(tmp_path / 'logs', 'test', _rows(1, click=2))
    with pytest.raises(InputError, match=f'{DAY} has no good row in its test split'):
        _run(tmp_path / 'logs', tmp_path / 'out')


def test_a_window_can_be_read_as_one_artifact(tmp_path):
    for day in ('2024-01-01', '2024-01-02', '2024-01-03'):
        for split in ('train', 'test'):
            _write(tmp_path / 'logs', split, [good_row(request_id=f'{day} {split}')], day=day)
    days = {'train': ['2024-01-01', '2024-01-02'], 'test': ['2024-01-03']}
    _run(tmp_path / 'logs', tmp_path / 'out', days=days)
    assert [row['request_id'] for row in _read(tmp_path / 'out', 'train')] == [
        ['2024-01-01 train'],
        ['2024-01-02 train'],
    ]
    assert [row['request_id'] for row in _read(tmp_path / 'out', 'test')] == [['2024-01-03 test']]


def test_settings_survive_the_execution_property():
    settings = Settings(log_schema=SCHEMA, max_bad_share=0.125, days={'train': [DAY], 'test': [DAY]})
    assert unpack(proto_utils.proto_to_json(pack(settings))) == settings


def test_the_component_reads_exactly_its_day():
    properties = LogExampleGen('logs', SCHEMA, 0.01, DAY).exec_properties
    assert span_of('1970-01-02') == 1
    assert f'"start_span_number": {span_of(DAY)}' in properties['range_config']
    assert f'"end_span_number": {span_of(DAY)}' in properties['range_config']
    assert unpack(properties['custom_config']).days == {'train': (DAY,), 'test': (DAY,)}
