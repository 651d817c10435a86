"""Only what a catalogue is compared with is read from the logs."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creative_logs.catalogue.logged_candidates import read_candidates
from creative_logs.errors import InputError
from tests.creative_logs.catalogue.helpers import SCHEMA

DAY = '2024-01-01'
STRINGS = pa.list_(pa.string())


def _write(root: Path, split: str, columns: dict[str, pa.Array], name: str = 'part-0') -> Path:
    path = root / DAY / split / f'{name}.parquet'
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def _columns(titles: list, images: list, weights: list | None = None) -> dict[str, pa.Array]:
    columns = {
        'title_candidates': pa.array(titles, STRINGS),
        'image_candidates': pa.array(images, STRINGS),
        'badge_candidates': pa.array([['b']] * len(titles), STRINGS),
        'click': pa.array(['not a number'] * len(titles)),
    }
    return columns if weights is None else columns | {'weight': pa.array(weights, pa.float32())}


def _read(root: Path) -> list[dict]:
    return [row for rows in read_candidates(root, DAY, SCHEMA) for row in rows.to_pylist()]


def test_every_file_of_both_splits_is_read_and_no_other_column(tmp_path):
    _write(tmp_path, 'train', _columns([['t1', 't2'], []], [['i1'], ['i2']], [1.0, 2.5]))
    _write(tmp_path, 'train', _columns([['t3']], [[]], [None]), 'part-1')
    _write(tmp_path, 'test', _columns([['t4']], [['i4']]))
    assert _read(tmp_path) == [
        {'title_candidates': ['t1', 't2'], 'image_candidates': ['i1'], 'weight': 1.0},
        {'title_candidates': [], 'image_candidates': ['i2'], 'weight': 2.5},
        {'title_candidates': ['t3'], 'image_candidates': [], 'weight': None},
        {'title_candidates': ['t4'], 'image_candidates': ['i4'], 'weight': None},
    ]


def test_rows_that_break_a_rule_of_these_columns_are_left_out(tmp_path):
    titles = [['good'], None, ['a', None], ['a', ''], ['zero'], ['nan'], ['last']]
    weights = [1.0, 1.0, 1.0, 1.0, 0.0, float('nan'), 3.0]
    _write(tmp_path, 'train', _columns(titles, [['i']] * 7, weights))
    broken = pa.array([[b'ok'], [b'\xff']], pa.list_(pa.binary()))
    _write(tmp_path, 'test', _columns([['x'], ['y']], [[], []]) | {'image_candidates': broken})
    assert [row['title_candidates'] for row in _read(tmp_path)] == [['good'], ['last'], ['x']]


def test_a_missing_column_or_split_is_named(tmp_path):
    columns = _columns([['t']], [['i']])
    path = _write(tmp_path, 'train', columns)
    with pytest.raises(InputError, match='day 2024-01-01 has no test split'):
        _read(tmp_path)
    del columns['title_candidates']
    _write(tmp_path, 'train', columns)
    with pytest.raises(InputError, match=f"{path}: column 'title_candidates' is missing"):
        _read(tmp_path)
