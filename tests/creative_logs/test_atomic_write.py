import errno

import pytest

from creative_logs.atomic_write import new_file, new_folder
from creative_logs.errors import InputError


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize('exists', [False, True])
def test_the_folder_appears_when_it_is_whole(tmp_path, exists):
    out = tmp_path / 'logs'
    if exists:
        out.mkdir()
    with new_folder(out) as folder:
        (folder / 'file').touch()
        assert not out.exists() or names(out) == set()
    assert names(out) == {'file'}
    assert names(tmp_path) == {'logs'}


def test_nothing_is_left_of_a_failure(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / 'logs') as folder:
        (folder / 'file').touch()
        raise KeyboardInterrupt
    assert names(tmp_path) == set()


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    out = tmp_path / 'logs'
    with pytest.raises(InputError) as error, new_folder(out) as folder:
        (folder / 'file').touch()
        raise OSError(errno.ENOSPC, 'Error writing bytes to file')
    assert str(error.value).startswith(f'{out}: cannot be written: No space left on device; ')
    assert names(tmp_path) == set()


def test_what_a_killed_run_left_is_no_obstacle(tmp_path):
    with new_folder(tmp_path / 'logs') as folder:
        left = folder
    left.mkdir()
    (left / 'old').touch()
    (tmp_path / 'logs').rmdir()
    with new_folder(tmp_path / 'logs') as folder:
        (folder / 'new').touch()
    assert names(tmp_path / 'logs') == {'new'}


def test_a_folder_with_something_in_it_or_a_file_is_refused(tmp_path):
    (tmp_path / 'logs').mkdir()
    (tmp_path / 'logs' / 'mine').touch()
    for path in (tmp_path / 'logs', tmp_path / 'logs' / 'mine'):
        with pytest.raises(InputError, match='is not empty'), new_folder(path):
            pass
    with (
        pytest.raises(InputError, match='cannot be written'),
        new_folder(tmp_path / 'logs' / 'mine' / 'below'),
    ):
        pass
    assert names(tmp_path / 'logs') == {'mine'}


def test_a_file_is_replaced_when_it_is_whole(tmp_path):
    out = tmp_path / 'folder' / 'file'
    for text in ('old', 'new'):
        with new_file(out) as partial:
            partial.write_text(text)
            assert not out.exists() or out.read_text() == 'old'
        assert out.read_text() == text
    assert names(out.parent) == {'file'}


def test_a_file_stays_as_it_was_where_writing_fails(tmp_path):
    out = tmp_path / 'file'
    out.write_text('old')
    with pytest.raises(KeyboardInterrupt), new_file(out) as partial:
        partial.write_text('half')
        raise KeyboardInterrupt
    with pytest.raises(InputError, match='file: cannot be written: No space left on device'), new_file(out):
        raise OSError(errno.ENOSPC, 'Error writing bytes to file')
    assert out.read_text() == 'old' and names(tmp_path) == {'file'}
