"""How a run is summed up."""

from pathlib import Path

from tfx_pipeline.summary import shown_path


def test_paths_below_the_working_directory_are_shown_relative_to_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shown_path(tmp_path / 'build' / 'model') == 'build/model'
    assert shown_path('build/model') == 'build/model'
    assert shown_path(tmp_path.parent / 'other') == str(tmp_path.parent / 'other')
    assert shown_path(Path('/elsewhere')) == '/elsewhere'
