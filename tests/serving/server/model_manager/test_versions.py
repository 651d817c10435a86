import grpc
import pytest

from serving.server.model_manager.versions import VersionFolder, list_versions
from serving.server.status_errors import StatusError


def test_numbered_folders_newest_first(tmp_path):
    for name in ('2', '10', '00000123', '.4', '4.tmp', 'x', '-1', '1e3', '٣', '9' * 19):
        (tmp_path / name).mkdir()
    (tmp_path / '7').write_text('a file')
    assert [folder.number for folder in list_versions(tmp_path)] == [123, 10, 2]


def test_missing_base_path(tmp_path):
    with pytest.raises(FileNotFoundError):
        list_versions(tmp_path / 'nowhere')


@pytest.fixture
def folder(tmp_path):
    """Looks whole: two shards of variables."""
    variables = tmp_path / 'variables'
    variables.mkdir()
    (tmp_path / 'saved_model.pb').write_bytes(b'x')
    for name in ('index', 'data-00000-of-00002', 'data-00001-of-00002'):
        (variables / f'variables.{name}').write_bytes(b'x')
    return VersionFolder(1, tmp_path)


def test_whole(folder):
    folder.check_whole()


@pytest.mark.parametrize(
    'missing, message',
    [
        ('saved_model.pb', 'Could not find SavedModel'),
        ('variables/variables.index', 'variables are missing or incomplete'),
        ('variables/variables.data-00001-of-00002', 'variables are missing or incomplete'),
    ],
)
def test_half_written(folder, missing, message):
    (folder.path / missing).unlink()
    with pytest.raises(StatusError, match=message) as error:
        folder.check_whole()
    assert error.value.code is grpc.StatusCode.NOT_FOUND


def test_stamp_changes_with_the_files(folder):
    stamp = folder.stamp()
    assert folder.stamp() == stamp
    (folder.path / 'saved_model.pb').write_bytes(b'longer')
    rewritten = folder.stamp()
    (folder.path / 'assets').mkdir()
    (folder.path / 'assets' / 'vocabulary').write_bytes(b'')
    assert len({stamp, rewritten, folder.stamp()}) == 3
