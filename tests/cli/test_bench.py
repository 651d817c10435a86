"""The verb `bench`: options reach the benchmark, figures reach the user."""

import json
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from creative_logs.errors import InputError
from tfx_pipeline.cli import bench as module
from tfx_pipeline.cli.bench import BENCHMARKS, Benchmark, bench


@pytest.fixture
def asked(monkeypatch) -> dict:
    """Stands in for the benchmark upworthy, and keeps what it was asked."""
    options = {}

    def run(**given):
        options.update(given)
        return {'rows': [{'lift': 0.1}]}

    def tables(figures):
        return [f'lift {figures["rows"][0]["lift"]}']

    report = SimpleNamespace(tables=tables, plot=lambda figures: '<p>')
    monkeypatch.setitem(sys.modules, 'benchmarks.quality.upworthy', SimpleNamespace(run=run))
    monkeypatch.setitem(sys.modules, 'benchmarks.quality.upworthy_report', report)
    return options


def _invoke(*arguments: str):
    return CliRunner().invoke(bench, list(arguments), catch_exceptions=False)


def test_help_names_every_benchmark():
    shown = _invoke('--help').output
    assert all(name in shown for name in BENCHMARKS)
    assert all(_invoke(name, '--help').exit_code == 0 for name in BENCHMARKS)


def test_options_reach_the_benchmark(asked):
    _invoke('upworthy', '--quick', '--log', 'archive.csv', '--splits', '7')
    assert asked == {'quick': True, 'log': 'archive.csv', 'splits': 7, 'catalogue': None, 'half': None}


def test_a_catalogue_and_half_of_the_stories_reach_the_benchmark(asked):
    _invoke('upworthy', '--catalogue', 'catalogue.parquet', '--half', '2')
    assert asked['catalogue'] == 'catalogue.parquet' and asked['half'] == 2
    assert _invoke('upworthy', '--half', '3').exit_code == 2


def test_figures_are_printed_and_written(asked, tmp_path):
    shown = _invoke('upworthy', '--json', str(tmp_path / 'f.json'), '--plot', str(tmp_path / 'f.html')).output
    assert 'lift 0.1' in shown
    assert json.loads((tmp_path / 'f.json').read_text()) == {'rows': [{'lift': 0.1}]}
    assert (tmp_path / 'f.html').read_text() == '<p>'


@pytest.mark.parametrize('option', ['--json', '--plot'])
def test_a_file_that_cannot_be_written_is_refused_before_the_work(asked, option):
    with pytest.raises(InputError, match=option):
        _invoke('upworthy', option, 'no/such/folder/f')
    assert not asked


def test_one_split_is_refused(asked):
    assert _invoke('upworthy', '--splits', '1').exit_code == 2
    assert not asked


def test_figures_without_a_report_are_a_plain_table(monkeypatch):
    monkeypatch.setitem(sys.modules, 'plain', SimpleNamespace(run=lambda quick: {'rows_per_s': 12345}))
    command = module._command('plain', Benchmark('plain', 'of nothing'))
    shown = CliRunner().invoke(command, [], catch_exceptions=False).output
    assert 'rows_per_s' in shown and '12,345' in shown


@pytest.fixture
def asked_of_worlds(monkeypatch) -> dict:
    """Stands in for the benchmarks of worlds, and keeps what they were asked."""
    options = {}

    def run(**given):
        options.update(given)
        return {}

    for name in ('quality.known_truth', 'paper.ablation', 'paper.ab'):
        report = SimpleNamespace(tables=lambda figures: [], plot=lambda figures: '')
        monkeypatch.setitem(sys.modules, f'benchmarks.{name}', SimpleNamespace(run=run))
        monkeypatch.setitem(sys.modules, f'benchmarks.{name}_report', report)
    return options


@pytest.mark.parametrize('name', ['known-truth', 'ablation'])
def test_a_world_reaches_the_benchmark(asked_of_worlds, name):
    world = '--ads', '300', '--impressions', '50', '--seeds', '5', '--seed', '9', '--catalogue', 'off'
    _invoke(name, *world, '--set', 'policy_accuracy=0', '--set', 'importance={shoes: [1, 2, 1, 1, 1, 1]}')
    assert asked_of_worlds == {
        'quick': False,
        'seed': 9,
        'ads': 300,
        'impressions': 50,
        'seeds': 5,
        'properties': {'policy_accuracy': 0, 'importance': {'shoes': [1, 2, 1, 1, 1, 1]}},
        'catalogue': False,
    }


def test_worlds_have_a_catalogue_unless_it_is_off_and_the_test_of_policies_only_if_it_is_on(asked_of_worlds):
    _invoke('known-truth')
    assert asked_of_worlds['catalogue'] is True and asked_of_worlds['properties'] == {}
    _invoke('ab', '--days', '30')
    assert asked_of_worlds['catalogue'] is False and asked_of_worlds['days'] == 30
    _invoke('ab', '--catalogue', 'on')
    assert asked_of_worlds['catalogue'] is True and asked_of_worlds['days'] is None


@pytest.mark.parametrize(
    ('override', 'message'),
    [
        ('colour=red', 'colour: the world has no such property'),
        ('taste_std=-1', 'taste_std: .*greater than or equal to 0'),
        ('ads=5', '--set ads=5: use --ads instead'),
        ('rows=5', '--set rows=5: use --impressions instead'),
        ('seed=5', '--set seed=5: use --seed instead'),
    ],
)
def test_a_wrong_property_is_refused_before_the_work(asked_of_worlds, override, message):
    with pytest.raises(InputError, match=message):
        _invoke('known-truth', '--set', override)
    assert not asked_of_worlds
