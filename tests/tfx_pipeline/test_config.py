"""Reading, overriding and saving the configuration, and what is said of a bad one."""

import pytest
import yaml

from creative_logs.errors import InputError
from tests.tfx_pipeline.examples import config_for, with_catalogue
from tfx_pipeline.config import load_config, save_config


@pytest.fixture
def path(tmp_path):
    save_config(config_for(tmp_path), tmp_path / 'config.yaml')
    return tmp_path / 'config.yaml'


def test_what_is_saved_is_what_is_loaded(tmp_path, path):
    assert load_config(path) == config_for(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ['config.yaml']


def test_overrides_reach_into_sections(path):
    config = load_config(path, ['training.batch_size=512', 'evaluation.must_pass=[image]', 'name=other'])
    assert config.training.batch_size == 512
    assert config.evaluation.must_pass == ('image',)
    assert config.name == 'other'


def test_the_last_override_wins(path):
    assert load_config(path, ['training.batch_size=7', 'training.batch_size=8']).training.batch_size == 8


def test_a_preset_gives_way_to_what_is_given(tmp_path, path):
    data = yaml.safe_load(path.read_text())
    del data['training'], data['model']
    data['preset'] = 'paper'
    path.write_text(yaml.safe_dump(data))
    assert load_config(path).training.reward == 'paper'
    assert load_config(path, ['training.reward=advantage']).training.reward == 'advantage'


@pytest.mark.parametrize(
    ('override', 'message'),
    [
        ('training.batchsize=512', "unknown key 'training.batchsize'"),
        ('surprise=1', "unknown key 'surprise'"),
        ('training.batch_size=many', "training.batch_size: .*got 'many'"),
        ('training.batch_size=0', r'training.batch_size: .*got 0'),
        ('training.batch_size', 'must look like training.batch_size=512'),
        ('name.x=1', "'name' holds a value, not further keys"),
        ('window.holdout_days=99', 'nothing is left to train on'),
        ('evaluation.must_pass=[ghost]', 'no such component: ghost'),
        ('evaluation.cluster=ghost', "'ghost' is no context feature"),
        ('transform.min_buckets=100', 'must be a power of two: got 100'),
        ('name={', 'the value is no YAML'),
    ],
)
def test_a_bad_override_is_one_line_that_names_it(path, override, message):
    with pytest.raises(InputError, match=message) as error:
        load_config(path, [override])
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('text', 'message'),
    [('a: [', 'not YAML'), ('- a', 'must hold a mapping'), ('name: x', "key 'paths' is missing")],
)
def test_a_bad_file_is_named(tmp_path, text, message):
    (tmp_path / 'bad.yaml').write_text(text)
    with pytest.raises(InputError, match=message) as error:
        load_config(tmp_path / 'bad.yaml')
    assert str(error.value).startswith(f'{tmp_path}/bad.yaml: ')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match='ghost.yaml: cannot be read'):
        load_config(tmp_path / 'ghost.yaml')


def test_a_catalogue_is_named_exactly_where_content_is_read(tmp_path, path):
    described = with_catalogue(tmp_path)
    save_config(described, tmp_path / 'described.yaml')
    assert load_config(tmp_path / 'described.yaml') == described
    with pytest.raises(InputError, match='paths.catalogue is missing, but content is to be read of image:'):
        load_config(tmp_path / 'described.yaml', ['paths.catalogue=null'])
    nothing = "paths.catalogue: nothing is read of 'c.parquet', as no component of log_schema has content:"
    with pytest.raises(InputError, match=nothing) as error:
        load_config(path, ['paths.catalogue=c.parquet'])
    assert '\n' not in str(error.value)
