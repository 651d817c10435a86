"""A catalogue that has grown, folded into an exported model: it then answers as if the requests brought the rest."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from creative_logs.catalogue.schema import arrow_schema
from creative_logs.errors import InputError
from model.export.refresh import refresh_model
from serving.client.client import CreativeClient
from serving.client.request import SelectRequest
from tests.model.conftest import CONFIG, SCHEMA, catalogue_rows
from tests.model.requests import image_content as content
from tests.model.requests import request_of
from tests.serving.helpers import MODEL, PATIENCE_S, push, running_in

LISTED = catalogue_rows().to_pylist()
FULL = [row for row in LISTED if row['vector'] and row['attributes'] and row['text']]
NEW = [FULL[k] | {'id': f'new-{k}', 'vector': [0.5 * k, -1.0, 2.0]} for k in range(4)]


def write(path: Path, rows: list[dict]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema()), path)
    return path


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp('refresh')


@pytest.fixture(scope='module')
def refreshed(exported, folder):
    """The catalogue with new elements before and among the known ones, of which the last is gone."""
    rows = [*NEW[:2], *LISTED[:5], *NEW[2:], *LISTED[5:-1]]
    done = refresh_model(exported, write(folder / 'grown.parquet', rows), folder / 'grown')
    return folder / 'grown', done


def test_it_counts_what_has_changed(refreshed):
    known = len(LISTED)
    assert refreshed[1] == (known, known + 3, 4, 0, 1)
    assert refreshed[1].differences == 5


@pytest.mark.parametrize('signature', ['serving_default', 'score_elements'])
def test_it_answers_for_ids_alone_as_the_old_model_does_for_content(loaded, refreshed, logs, signature):
    new = tf.saved_model.load(str(refreshed[0]))
    images = [NEW[0], FULL[0], NEW[3], NEW[1]]
    differences = []
    for number in range(6):
        request = request_of(logs.slice(number), 1)
        request['image_candidates'] = tf.constant([[row['id'] for row in images]])
        told = loaded.signatures[signature](**request | content([NEW[0], None, NEW[3], NEW[1]]))
        alone = new.signatures[signature](**request)
        untold = loaded.signatures[signature](**request)
        assert set(told) == set(alone)
        for name, value in told.items():
            if value.dtype == tf.float32:
                np.testing.assert_allclose(alone[name], value, atol=1e-6)
            else:
                np.testing.assert_array_equal(alone[name], value)
        name = 'ctr' if 'ctr' in told else 'element_score'
        differences.append(not np.allclose(untold[name], told[name], atol=1e-4))
    # Not every choice falls on one of the new elements.
    assert any(differences)


def test_a_server_answers_for_ids_alone_as_the_old_model_does_for_content(loaded, refreshed, logs, tmp_path):
    images = [NEW[0], FULL[0], NEW[3]]
    push(refreshed[0], tmp_path, 1)
    with (
        running_in('threads', tmp_path, 100) as server,
        CreativeClient(server.address, MODEL, PATIENCE_S) as client,
    ):
        for number, logged in enumerate(logs.slice(0, 6).to_pylist()):
            context = {
                feature.name: '' if logged[feature.name] is None else logged[feature.name]
                for feature in SCHEMA.context
            }
            candidates = {c.name: logged[c.candidates] for c in SCHEMA.components}
            candidates['image'] = [row['id'] for row in images]
            request = SelectRequest(context, candidates, {'title': logged['title_text']})
            answer = client.predict([request], [7]).arrays
            told = request_of(logs.slice(number), 1, seed=7) | content([NEW[0], None, NEW[3]])
            told['image_candidates'] = tf.constant([candidates['image']])
            for name, value in loaded.signatures['serving_default'](**told).items():
                if value.dtype == tf.float32:
                    np.testing.assert_allclose(answer[name], value, atol=1e-6)
                else:
                    np.testing.assert_array_equal(answer[name], value)


def test_nothing_but_the_listed_elements_is_different(exported, refreshed):
    directory, _ = refreshed
    files = {path.relative_to(exported) for path in exported.rglob('*') if path.is_file()}
    assert files == {path.relative_to(directory) for path in directory.rglob('*') if path.is_file()}
    differ = {
        str(file) for file in files if (exported / file).read_bytes() != (directory / file).read_bytes()
    }
    assert differ == {
        'fingerprint.pb',
        'variables/variables.index',
        'variables/variables.data-00000-of-00001',
    }
    old, new = (tf.train.load_checkpoint(str(each / 'variables/variables')) for each in (exported, directory))
    names = set(old.get_variable_to_shape_map())
    assert names == set(new.get_variable_to_shape_map())
    changed = {name for name in names if not np.array_equal(old.get_tensor(name), new.get_tensor(name))}
    assert changed == {
        f'tables/content_{name}/.ATTRIBUTES/VARIABLE_VALUE' for name in ('element_keys', 'worth')
    }


def test_the_fingerprint_is_the_one_that_tensorflow_would_write(exported, refreshed):
    from tensorflow.python.saved_model import fingerprinting_utils

    old, new = (tf.saved_model.experimental.read_fingerprint(str(each)) for each in (exported, refreshed[0]))
    assert old.checkpoint_hash != new.checkpoint_hash
    written = fingerprinting_utils.fingerprinting_pywrap.CreateFingerprintDef(str(refreshed[0]))
    expected = type(new).from_proto(fingerprinting_utils.fingerprint_pb2.FingerprintDef.FromString(written))
    assert new.checkpoint_hash == expected.checkpoint_hash
    assert new.singleprint() == expected.singleprint()


def test_the_catalogue_of_the_training_changes_nothing(exported, folder, model):
    done = refresh_model(exported, write(folder / 'same.parquet', LISTED[::-1]), folder / 'same')
    assert done == (len(LISTED), len(LISTED), 0, 0, 0) and not done.differences
    found = tf.train.load_checkpoint(str(folder / 'same/variables/variables'))
    worth = found.get_tensor('tables/content_worth/.ATTRIBUTES/VARIABLE_VALUE')
    np.testing.assert_array_equal(worth, model.effects.content.worth.numpy())


def test_an_element_whose_content_is_another_is_counted(exported, folder):
    rows = [FULL[0] | {'vector': [9.0, 9.0, 9.0]}, *(row for row in LISTED if row['id'] != FULL[0]['id'])]
    done = refresh_model(exported, write(folder / 'edited.parquet', rows), folder / 'edited')
    assert done == (len(LISTED), len(LISTED), 0, 1, 0)


def test_a_refresh_is_refreshed_again_and_leaves_nothing_behind(refreshed, folder):
    directory = folder / 'again'
    (folder / 'again.tmp' / 'left over').mkdir(parents=True)
    directory.mkdir()
    done = refresh_model(refreshed[0], write(folder / 'first.parquet', LISTED), directory)
    assert done == (len(LISTED) + 3, len(LISTED), 1, 0, 4)
    assert not list(folder.glob('*.tmp'))


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda model: (model / 'assets.extra/genco.json').unlink(), 'not exported by GenCO'),
        (
            lambda model: (model / 'assets.extra/genco.json').write_text('{"speed": 1}'),
            'exported by another version',
        ),
        (
            lambda model: (model / 'variables/variables.index').unlink(),
            'variables of the model cannot be read',
        ),
        (lambda model: _without_content(model), 'was trained without a catalogue'),
        (lambda model: _without_tables(model), 'has no table content_element_keys: .* model.additive'),
    ],
)
def test_other_models_are_refused(exported, tmp_path, spoil, message):
    model = shutil.copytree(exported, tmp_path / 'model')
    spoil(model)
    catalogue = write(tmp_path / 'catalogue.parquet', LISTED)
    with pytest.raises(InputError, match=message) as error:
        refresh_model(model, catalogue, tmp_path / 'out')
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'out').exists()


def _without_content(model: Path) -> None:
    config = json.loads(CONFIG.model_dump_json())
    for component in config['log_schema']['components']:
        component['content'] = None
    (model / 'assets.extra/genco.json').write_text(json.dumps(config))


def _without_tables(model: Path) -> None:
    for file in (model / 'variables').iterdir():
        file.unlink()
    prefix = str(model / 'variables/variables')
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=['a'], shape_and_slices=[''], tensors=[tf.zeros([1])])
