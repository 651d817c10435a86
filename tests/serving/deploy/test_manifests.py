"""Kubernetes manifests and the Compose file: valid by their schemas, and in agreement."""

import re
import shutil
import subprocess

import compose_spec
import kubernetes_validate
import pytest
import yaml

KUBERNETES = ['1.29', '1.37']
KINDS = {
    'Deployment',
    'Service',
    'PersistentVolumeClaim',
    'PodDisruptionBudget',
    'HorizontalPodAutoscaler',
}
NAME = 'genco-serving'
_VARIABLE = re.compile(r'\$\{(\w+)(?::[-?]([^}]*))?\}')


@pytest.fixture(scope='module')
def objects(deploy):
    """All objects of the manifests, by kind."""
    listed = yaml.safe_load((deploy / 'kubernetes' / 'kustomization.yaml').read_text())['resources']
    files = [deploy / 'kubernetes' / name for name in listed if name.endswith('.yaml')]
    assert {f.name for f in files} | {'kustomization.yaml'} == {
        f.name for f in (deploy / 'kubernetes').iterdir()
    }
    found = [one for file in files for one in yaml.safe_load_all(file.read_text(encoding='utf-8'))]
    return {one['kind']: one for one in found}


@pytest.fixture(scope='module')
def container(objects):
    (container,) = objects['Deployment']['spec']['template']['spec']['containers']
    return container


@pytest.fixture(scope='module')
def service(deploy):
    """The Compose file's service, its variables set."""
    text = (deploy / 'compose.yaml').read_text(encoding='utf-8')
    filled = _VARIABLE.sub(lambda found: '/models' if found[1] == 'GENCO_MODELS' else found[2], text)
    compose_spec.PyCompose.from_yaml(filled).validate()
    return yaml.safe_load(filled)['services']['serving']


def test_every_object_is_there(objects):
    assert set(objects) == KINDS


@pytest.mark.parametrize('version', KUBERNETES)
@pytest.mark.parametrize('kind', sorted(KINDS))
def test_manifest_is_valid(objects, kind, version):
    kubernetes_validate.validate(objects[kind], version, strict=True)


def test_validators_are_strict(objects):
    spoiled = yaml.safe_load(yaml.safe_dump(objects['Deployment']).replace('readinessProbe', 'readyProbe'))
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(spoiled, KUBERNETES[0], strict=True)
    with pytest.raises(ValueError, match='read_onli'):
        compose_spec.PyCompose.from_yaml('services: {serving: {image: x, read_onli: true}}')


def test_selectors_find_the_pods(objects):
    labels = objects['Deployment']['spec']['template']['metadata']['labels']
    for kind in ('Deployment', 'PodDisruptionBudget'):
        assert objects[kind]['spec']['selector']['matchLabels'] == labels
    assert objects['Service']['spec']['selector'] == labels
    assert objects['HorizontalPodAutoscaler']['spec']['scaleTargetRef']['name'] == NAME


def test_pods_may_neither_be_root_nor_write(objects, container):
    pod = objects['Deployment']['spec']['template']['spec']
    assert pod['securityContext']['runAsNonRoot'] and container['securityContext']['readOnlyRootFilesystem']
    assert all(mount.get('readOnly') for mount in container['volumeMounts'] if mount['mountPath'] != '/tmp')


def test_probes_ask_open_ports(container):
    ports = {port['name']: port['containerPort'] for port in container['ports']}
    assert container['readinessProbe']['httpGet']['port'] in ports
    assert container['startupProbe']['httpGet'] == container['readinessProbe']['httpGet']
    assert container['livenessProbe']['grpc']['port'] == ports['grpc']


def test_gpus_are_asked_for(container, service):
    resources = container['resources']
    assert resources['requests']['nvidia.com/gpu'] == resources['limits']['nvidia.com/gpu'] == 1
    (device,) = service['deploy']['resources']['reservations']['devices']
    assert device['capabilities'] == ['gpu']


def test_compose_and_kubernetes_start_the_same_server(container, service):
    assert service['image'] == container['image']
    assert re.fullmatch(r'tensorflow/serving:\d+\.\d+\.\d+-gpu', service['image'])
    assert set(service['command']) - set(container['args']) == {'--model_config_file_poll_wait_seconds=10'}
    assert set(container['args']) <= set(service['command'])


def test_every_configuration_file_that_is_named_is_mounted(deploy, container):
    generated = yaml.safe_load((deploy / 'config' / 'kustomization.yaml').read_text())['configMapGenerator']
    named = {found for flag in container['args'] for found in re.findall(r'/etc/genco/(\S+)', flag)}
    assert [entry['name'] for entry in generated] == [NAME]
    assert named == set(generated[0]['files'])
    assert all((deploy / 'config' / name).exists() for name in named)


needs_kubectl = pytest.mark.skipif(not shutil.which('kubectl'), reason='kubectl is not installed')


def _built(folder):
    """What kustomize makes of a folder, by kind."""
    built = subprocess.run(['kubectl', 'kustomize', folder], capture_output=True, text=True, check=True)
    return {one['kind']: one for one in yaml.safe_load_all(built.stdout)}


@needs_kubectl
@pytest.mark.parametrize('folder', ['kubernetes', 'canary', 'cpu'])
def test_kustomize_builds_valid_objects(deploy, folder):
    objects = _built(deploy / folder)
    assert set(objects) == KINDS | {'ConfigMap'}
    for one in objects.values():
        kubernetes_validate.validate(one, KUBERNETES[-1], strict=True)
    for name, text in objects['ConfigMap']['data'].items():
        own = deploy / folder / name
        assert text == (own if own.exists() else deploy / 'config' / name).read_text()
    volumes = objects['Deployment']['spec']['template']['spec']['volumes']
    assert objects['ConfigMap']['metadata']['name'] in {
        volume['configMap']['name'] for volume in volumes if 'configMap' in volume
    }


@needs_kubectl
def test_without_gpus_only_image_resources_and_batches_are_others(deploy):
    expected, found = _built(deploy / 'kubernetes'), _built(deploy / 'cpu')
    for objects in (expected, found):
        name = objects.pop('ConfigMap')['metadata']['name']
        (volume,) = [
            v for v in objects['Deployment']['spec']['template']['spec']['volumes'] if 'configMap' in v
        ]
        assert volume['configMap'].pop('name') == name
    (container,) = expected['Deployment']['spec']['template']['spec']['containers']
    container['image'] = container['image'].removesuffix('-gpu')
    assert [variable['name'] for variable in container.pop('env')] == ['TF_FORCE_GPU_ALLOW_GROWTH']
    for amounts in container['resources'].values():
        del amounts['nvidia.com/gpu']
    assert found == expected
