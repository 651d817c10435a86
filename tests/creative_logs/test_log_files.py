import pytest

from creative_logs.errors import InputError
from creative_logs.log_files import list_days, split_files


def test_days_come_in_order_and_other_names_are_ignored(tmp_path):
    for name in ('2024-03-01', '2023-12-31', 'truth', '.2024-01-01.tmp', '2024'):
        (tmp_path / name).mkdir()
    (tmp_path / '2024-02-01').touch()
    assert list_days(tmp_path) == ['2023-12-31', '2024-03-01']


def test_a_missing_root_and_a_root_without_days_are_errors(tmp_path):
    with pytest.raises(InputError, match='no such folder of logs'):
        list_days(tmp_path / 'nowhere')
    with pytest.raises(InputError, match='holds no day of logs'):
        list_days(tmp_path)


@pytest.mark.parametrize('name', ['2024-02-30', '2024-13-01', '2024-1-1'])
def test_what_looks_like_a_day_must_be_one(tmp_path, name):
    (tmp_path / '2024-01-01').mkdir()
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=f'{name}: is no date'):
        list_days(tmp_path)


def test_a_split_needs_a_folder_with_a_parquet_file(tmp_path):
    (tmp_path / '2024-01-01' / 'train').mkdir(parents=True)
    with pytest.raises(InputError, match='2024-01-01 has no test split'):
        split_files(tmp_path, '2024-01-01', 'test')
    with pytest.raises(InputError, match='train: holds no Parquet file'):
        split_files(tmp_path, '2024-01-01', 'train')
    for name in ('b.parquet', 'a.parquet', 'notes.txt', 'c.parquet.tmp'):
        (tmp_path / '2024-01-01' / 'train' / name).touch()
    assert [f.name for f in split_files(tmp_path, '2024-01-01', 'train')] == ['a.parquet', 'b.parquet']
