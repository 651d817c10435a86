"""The assembled pipeline: its nodes, its order, and the same for Kubeflow."""

import json

import pytest
import tfx.components
from tfx.dsl.components.common.resolver import Resolver

from components.log_example_gen.settings import unpack
from tests.creative_logs.examples import good_row, write_logs
from tests.tfx_pipeline.examples import config_for, with_catalogue
from tfx_pipeline import pipeline as assembly
from tfx_pipeline.pipeline import Runtime, create_ingestion, create_pipeline, create_refresh
from tfx_pipeline.runners.kubeflow_runner import compile_pipeline

DAYS = ['2024-01-01', '2024-01-02', '2024-01-04']
NODES = [
    'AtomicPusher',
    'LogExampleGen',
    'LogSchemaGen',
    'LogValidator',
    'SctrEvaluator',
    'ServingModel',
    'StatisticsGen',
    'Trainer',
    'Transform',
    'Window',
]


@pytest.fixture
def local(tmp_path):
    return create_pipeline(config_for(tmp_path), DAYS, Runtime(root=str(tmp_path)))


@pytest.fixture
def described(tmp_path):
    """A configuration with a catalogue; the files are there."""
    write_logs(tmp_path / 'logs', [good_row()], days=DAYS)
    (tmp_path / 'catalogue.parquet').touch()
    return with_catalogue(tmp_path)


def _upstream(pipeline, node_id: str) -> set[str]:
    """All nodes that must have finished before a node starts."""
    nodes = {node.id: node for node in pipeline.components}
    found, waiting = set(), [node_id]
    while waiting:
        for node in nodes[waiting.pop()].upstream_nodes:
            if node.id not in found:
                found.add(node.id)
                waiting.append(node.id)
    return found


def test_no_component_failed_to_import():
    # TFX turns an ImportError of a component into None.
    used = 'ExampleValidator FileBasedExampleGen Pusher StatisticsGen Transform'
    for name in used.split():
        assert getattr(tfx.components, name) is not None, name


def test_node_ids_are_stable(local):
    # Caching, the window and the serving model all rest on them.
    assert sorted(node.id for node in local.components) == NODES


def test_nothing_is_trained_before_the_logs_are_validated(local):
    assert 'LogValidator' in _upstream(local, 'Transform')
    assert 'Window' in _upstream(local, 'Transform')
    assert 'LogExampleGen' in _upstream(local, 'Window')
    assert 'Trainer' in _upstream(local, 'ServingModel')
    assert 'SctrEvaluator' in _upstream(local, 'AtomicPusher')


def test_the_catalogue_reaches_the_trainer_and_the_report(tmp_path, described):
    pipeline = create_pipeline(described, DAYS, Runtime(root=str(tmp_path)))
    nodes = {node.id: node for node in pipeline.components}
    assert sorted(nodes) == sorted([*NODES, 'CatalogueGen'])
    assert json.loads(nodes['CatalogueGen'].exec_properties['days']) == DAYS
    channel = nodes['CatalogueGen'].outputs['catalogue']
    assert nodes['Trainer'].inputs['catalogue'] is channel
    assert nodes['SctrEvaluator'].inputs['catalogue'] is channel
    assert 'LogExampleGen' in _upstream(pipeline, 'CatalogueGen')
    assert 'CatalogueGen' not in _upstream(pipeline, 'Transform')


def test_a_refresh_reads_the_catalogue_as_a_run_does_and_trains_nothing(tmp_path, described):
    runtime = Runtime(root=str(tmp_path))
    run, refresh = create_pipeline(described, DAYS, runtime), create_refresh(described, DAYS, runtime)
    nodes = {node.id: node for node in refresh.components}
    assert set(nodes) == {
        'AtomicPusher',
        'CatalogueGen',
        'ModelRefresher',
        'SctrEvaluator',
        'ServingModel',
        'Window',
    }
    # The same pipeline, node and properties: what one of them has read, the other finds in the cache.
    assert refresh.id == run.id
    (catalogue_gen,) = [node for node in run.components if node.id == 'CatalogueGen']
    assert nodes['CatalogueGen'].exec_properties == catalogue_gen.exec_properties
    refreshed = nodes['ModelRefresher'].outputs['refreshed_model']
    assert nodes['ModelRefresher'].inputs['model'] is nodes['SctrEvaluator'].inputs['baseline_model']
    assert nodes['SctrEvaluator'].inputs['model'] is nodes['AtomicPusher'].inputs['model'] is refreshed


@pytest.mark.parametrize(
    ('configured', 'applied'), [(0.005, -0.01), (0.0, -0.01), (-0.01, -0.01), (-0.3, -0.3)]
)
def test_a_refreshed_model_need_not_be_better_than_the_one_it_was_made_from(
    tmp_path, described, configured, applied
):
    rules = described.evaluation.model_copy(update={'min_lift_over_serving': configured})
    config = described.model_copy(update={'evaluation': rules})

    def bound(create) -> float:
        pipeline = create(config, DAYS, Runtime(root=str(tmp_path)))
        (node,) = [node for node in pipeline.components if node.id == 'SctrEvaluator']
        return json.loads(node.exec_properties['evaluation_config'])['min_lift_over_serving']

    assert bound(create_refresh) == applied
    assert bound(create_pipeline) == configured


def test_training_parameters_do_not_reach_transform(tmp_path):
    def properties(node_id, **changes):
        pipeline = create_pipeline(config_for(tmp_path, **changes), DAYS, Runtime(root=str(tmp_path)))
        (node,) = [node for node in pipeline.components if node.id == node_id]
        return node.exec_properties

    other = {'training': {'batch_size': 7}}
    assert properties('Transform') == properties('Transform', **other)
    assert properties('Trainer') != properties('Trainer', **other)
    changed = {'transform': {'load_factor': 3.0}}
    assert properties('Transform') != properties('Transform', **changed)


def test_ingestion_of_an_older_day_is_the_same_node(tmp_path, local):
    older = create_ingestion(config_for(tmp_path), DAYS[-1], Runtime(root=str(tmp_path)))
    (node,) = older.components
    (whole,) = [node for node in local.components if node.id == 'LogExampleGen']
    assert older.id == local.id
    assert node.id == whole.id
    assert node.exec_properties == whole.exec_properties


@pytest.mark.parametrize(
    ('holdout_days', 'train', 'test'), [(0, DAYS, DAYS), (1, DAYS[:2], DAYS[2:]), (2, DAYS[:1], DAYS[1:])]
)
def test_without_spans_the_window_is_ingested_at_once(tmp_path, holdout_days, train, test):
    config = config_for(tmp_path, window={'holdout_days': holdout_days})
    pipeline = create_pipeline(config, DAYS, Runtime(root=str(tmp_path), spans=False))
    nodes = {node.id: node for node in pipeline.components}
    days = unpack(nodes['LogExampleGen'].exec_properties['custom_config']).days
    assert days == {'train': tuple(train), 'test': tuple(test)}
    assert json.loads(nodes['Trainer'].exec_properties['custom_config'])['holdout_days'] == 0
    assert nodes['SctrEvaluator'].exec_properties['holdout_days'] == 0


def test_the_kubeflow_file_holds_the_same_components(tmp_path, described):
    local = create_pipeline(described, DAYS, Runtime(root=str(tmp_path)))
    output = tmp_path / 'out' / 'pipeline.json'
    compile_pipeline(described, DAYS, 'registry/genco:1', output)
    spec = json.loads(output.read_text())['pipelineSpec']
    tasks = spec['root']['dag']['tasks']
    components = {node.id for node in local.components if not isinstance(node, Resolver)}
    resolvers = {'ServingModel-model-resolver', 'ServingModel-model-blessing-resolver'}
    assert set(tasks) == components | resolvers
    assert 'LogValidator' in tasks['Transform']['dependentTasks']
    for task in ('Trainer', 'SctrEvaluator'):
        given = tasks[task]['inputs']['artifacts']['catalogue']['taskOutputArtifact']
        assert given == {'producerTask': 'CatalogueGen', 'outputArtifactKey': 'catalogue'}
    images = {
        executor['container']['image']
        for executor in spec['deploymentSpec']['executors'].values()
        if 'container' in executor
    }
    assert images == {'registry/genco:1'}
    assert [path.name for path in output.parent.iterdir()] == ['pipeline.json']


def test_functions_are_given_by_paths_that_exist():
    import importlib

    for path in (assembly._PREPROCESSING_FN, assembly._RUN_FN):
        module, _, name = path.rpartition('.')
        assert callable(getattr(importlib.import_module(module), name))
