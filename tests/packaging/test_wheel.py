"""What is in the wheel."""

import zipfile

import pytest

from tests.packaging.helpers import ROOT, declared
from tfx_pipeline.version import VERSION


@pytest.fixture(scope='module')
def files(wheel) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_configurations_and_deployment_files_are_there(files):
    configs = {f'tfx_pipeline/configs/{file.name}' for file in (ROOT / 'configs').iterdir()}
    deploy = ROOT / 'serving' / 'deploy'
    deployment = {str(file.relative_to(ROOT)) for file in deploy.rglob('*') if file.is_file()}
    assert configs and configs <= files
    assert deployment and deployment <= files


def test_the_report_template_and_type_markers_are_there(files):
    packages = {name.split('.')[0] for name in declared()['packages']}
    assert {f'{name}/py.typed' for name in packages} <= files
    assert 'components/sctr_evaluator/report/report.html' in files


def test_every_module_is_there_but_neither_benchmarks_nor_tests(files):
    packages = {name.split('.')[0] for name in declared()['packages']}
    modules = {str(file.relative_to(ROOT)) for name in packages for file in (ROOT / name).rglob('*.py')}
    assert modules == {file for file in files if file.endswith('.py')}
    assert {file.split('/')[0] for file in files} == packages | {f'genco-{VERSION}.dist-info'}


def test_the_license_is_there_and_the_version_is_the_one_of_the_project(files, wheel):
    metadata = zipfile.ZipFile(wheel).read(f'genco-{VERSION}.dist-info/METADATA').decode()
    assert f'\nVersion: {VERSION}\n' in metadata and '\nLicense: Apache-2.0\n' in metadata
    assert f'genco-{VERSION}.dist-info/licenses/LICENSE' in files
    assert f'\n## {VERSION} (' in (ROOT / 'CHANGELOG.md').read_text()
