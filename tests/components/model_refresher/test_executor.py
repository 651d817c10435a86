"""The executor on a small exported model whose effects of attributes are written down here."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from tfx.types import Channel, standard_artifacts

from components.catalogue_gen.artifacts import ElementCatalogue
from components.model_refresher.component import ModelRefresher
from creative_logs.catalogue.schema import arrow_schema
from creative_logs.errors import InputError
from creative_logs.schema import Component, Content, ContextFeature, LogSchema
from model.config import GencoConfig
from model.content.content_weights import ContentWeights
from model.features.content_keys import attribute_terms
from model.network.layers.content_effects import ContentEffects

SCHEMA = LogSchema(
    context=(ContextFeature(name='ad_id'),),
    components=(Component(name='image', content=Content(attributes=True)), Component(name='badge')),
)
EFFECTS = {'red': 0.5, 'blue': -0.25}


def _export(folder: Path, listed: dict[str, float]) -> standard_artifacts.Model:
    """A model artifact as Trainer writes it, whose content effects are `EFFECTS`."""
    terms = attribute_terms('image', tf.ragged.constant([list(EFFECTS)])).values.numpy()
    order = terms.argsort()
    effects = ContentEffects({'image': 0}, columns=1)
    effects.adopt(ContentWeights(terms[order], [[list(EFFECTS.values())[i]] for i in order], {}))
    effects.element_keys.assign([-1, *sorted(_keys(listed))])
    effects.worth.assign([[0.0], *([_keys(listed)[key]] for key in sorted(_keys(listed)))])
    module = tf.Module()
    module.tables = {f'content_{name}': table for name, table in effects.tables.items()}
    directory = folder / 'trained' / 'Format-Serving'
    tf.saved_model.save(module, str(directory))
    (directory / 'assets.extra').mkdir()
    config = GencoConfig(log_schema=SCHEMA)
    (directory / 'assets.extra' / 'genco.json').write_text(config.model_dump_json())
    return _artifact(standard_artifacts.Model, folder / 'trained')


def _keys(elements: dict[str, float]) -> dict[int, float]:
    strings = [f'element\timage\t{element}' for element in elements]
    return dict(zip(tf.strings.to_hash_bucket_fast(strings, 1 << 62).numpy().tolist(), elements.values()))


def _artifact(type_, folder: Path):
    artifact = type_()
    artifact.uri = str(folder)
    folder.mkdir(exist_ok=True)
    return artifact


def _catalogue(folder: Path, elements: dict[str, list[str]]) -> ElementCatalogue:
    artifact = _artifact(ElementCatalogue, folder / 'catalogue')
    rows = [{'component': 'image', 'id': id_, 'attributes': colours} for id_, colours in elements.items()]
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema()), folder / 'catalogue/catalogue.parquet')
    return artifact


def _refresh(folder: Path, model, catalogue, schema: LogSchema = SCHEMA) -> standard_artifacts.Model:
    component = ModelRefresher(
        Channel(type=standard_artifacts.Model), Channel(type=ElementCatalogue), schema.model_dump_json()
    )
    refreshed = _artifact(standard_artifacts.Model, folder / 'refreshed')
    component.executor_spec.executor_class().Do(
        {'model': [model], 'catalogue': [catalogue]},
        {'refreshed_model': [refreshed]},
        component.exec_properties,
    )
    return refreshed


def test_the_copy_lists_the_catalogue_and_its_properties_count(tmp_path):
    model = _export(tmp_path, {'a': 0.5, 'b': 0.5, 'gone': 0.5})
    catalogue = _catalogue(tmp_path, {'a': ['red'], 'b': ['blue', 'green'], 'c': ['red', 'blue'], 'd': []})
    refreshed = _refresh(tmp_path, model, catalogue)
    counts = {'before': 3, 'after': 4, 'new': 2, 'changed': 1, 'gone': 1, 'differences': 4}
    assert {name: refreshed.get_int_custom_property(name) for name in counts} == counts
    tables = tf.saved_model.load(f'{refreshed.uri}/Format-Serving').tables
    found = dict(
        zip(tables['content_element_keys'].numpy().tolist(), tables['content_worth'].numpy()[:, 0].tolist())
    )
    root = 2**0.5
    expected = _keys({'a': 0.5, 'b': -0.25 / root, 'c': 0.25 / root, 'd': 0.0}) | {-1: 0.0}
    assert found == pytest.approx(expected, abs=1e-6)
    assert list(found) == sorted(found)


def test_a_catalogue_that_the_model_knows_makes_no_difference(tmp_path):
    model, catalogue = _export(tmp_path, {'a': 0.5}), _catalogue(tmp_path, {'a': ['red']})
    refreshed = _refresh(tmp_path, model, catalogue)
    assert refreshed.get_int_custom_property('differences') == 0
    assert refreshed.has_custom_property('differences')


def test_a_model_of_another_log_schema_is_refused(tmp_path):
    model, catalogue = _export(tmp_path, {}), _catalogue(tmp_path, {})
    other = SCHEMA.model_copy(update={'max_candidates': SCHEMA.max_candidates + 1})
    with pytest.raises(InputError, match='Format-Serving: the model was trained with another log_schema'):
        _refresh(tmp_path, model, catalogue, other)
    assert not (tmp_path / 'refreshed' / 'Format-Serving').exists()
