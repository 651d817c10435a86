import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from creative_logs.schema import LogSchema
from creative_logs.simulator import write
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.truth import Truth
from tests.creative_logs.upworthy.helpers import write_csv

CONFIGS = Path(__file__).parents[2] / 'configs'
SMALL = ('--ads', '20', '--users', '50', '--days', '2', '--rows', '400', '--workers', '1')


def spoil(logs: Path, day: str) -> None:
    """Gives 10 rows of the day's test split an impossible click."""
    file = logs / day / 'test' / 'part-00000.parquet'
    table = pq.read_table(file)
    clicks = [9] * 10 + table['click'].to_pylist()[10:]
    pq.write_table(table.set_column(table.schema.get_field_index('click'), 'click', pa.array(clicks)), file)


def test_simulate_then_check(tmp_path, genco):
    logs = tmp_path / 'logs'
    code, out, err = genco(
        'simulate', '--out', logs, *SMALL, '--test-share', 0.25, '--json', tmp_path / 's.json'
    )
    assert (code, err) == (0, '')
    assert 'train' in out and '600' in out
    figures = json.loads((tmp_path / 's.json').read_text())
    assert figures['rows_per_day'] == {'train': 300, 'test': 100}
    assert figures['component_importance'] == Truth.from_logs(logs).component_importance()

    demo = CONFIGS / 'demo.yaml'
    read = ('--config', demo, '--logs', logs, '--catalogue', logs / 'catalogue.parquet')
    code, out, err = genco('check', *read, '--json', tmp_path / 'c.json')
    assert (code, err) == (0, '')
    assert '2024-06-21' in out and '800 rows, 0 bad' in ' '.join(out.split())
    assert json.loads((tmp_path / 'c.json').read_text())['rows'] == 800


def test_check_shows_bad_rows_and_stops_at_the_configured_share(tmp_path, genco):
    logs = tmp_path / 'logs'
    genco('simulate', '--out', logs, *SMALL, '--test-share', 0.25)
    spoil(logs, '2024-06-20')
    code, out, err = genco('check', *without_content(), '--logs', logs, '--json', tmp_path / 'c.json')
    assert code == 2 and err.count('\n') == 1 and 'got 9' in out
    assert err.startswith(f'genco: {logs}/2024-06-20/test/part-00000.parquet: 10 of 400 rows')
    assert json.loads((tmp_path / 'c.json').read_text())['bad_rows'] == 10

    quarantine = tmp_path / 'quarantine'
    tolerant = 'checks.max_bad_share=0.5'
    code, out, err = genco(
        'check', *without_content(), '--logs', logs, '--set', tolerant, '--quarantine', quarantine
    )
    assert code == 0 and 'got 9' in out
    assert pq.read_table(quarantine / '2024-06-20' / 'test' / 'part-00000.parquet').num_rows == 10


WORLD = SimulatorConfig(ads=20, users=50, days=2, rows=400, test_share=0.25, new_elements_per_day=0.2)


@pytest.fixture
def simulated(tmp_path, monkeypatch) -> Path:
    """Logs and a catalogue, for tests that read tables wide enough not to be wrapped."""
    monkeypatch.setenv('COLUMNS', '250')
    write.simulate(WORLD, tmp_path / 'logs')
    return tmp_path / 'logs'


def with_content(*changes: str) -> list[str]:
    """Arguments that give the demo's configuration the content of the simulated components."""
    return _configured(WORLD.log_schema(content=True), 'paths.catalogue=ghost', *changes)


def without_content() -> list[str]:
    """Arguments that take the content of all components from the demo's configuration."""
    return _configured(WORLD.log_schema(), 'paths.catalogue=null')


def _configured(schema: LogSchema, *changes: str) -> list[str]:
    components = schema.model_dump(mode='json')['components']
    overrides = [f'log_schema.components={json.dumps(components)}', *changes]
    return ['--config', str(CONFIGS / 'demo.yaml'), *(word for text in overrides for word in ('--set', text))]


def test_check_compares_the_logs_with_a_catalogue(tmp_path, simulated, genco):
    catalogue = simulated / 'catalogue.parquet'
    figures = tmp_path / 'c.json'
    arguments = ('check', *with_content(), '--logs', simulated, '--catalogue', catalogue, '--json', figures)
    code, out, err = genco(*arguments)
    assert (code, err) == (0, '')
    table = pq.read_table(catalogue)
    printed = ' '.join(out.split())
    assert f'{len(table):,} elements, 0 bad' in printed and '800 rows, 0 bad' in printed
    report = json.loads(figures.read_text())
    assert (report['rows'], report['catalogue']['elements']) == (800, len(table))
    assert report['catalogue']['impressions'] == 800
    nothing = {'ids': 0, 'impressions': 0.0, 'examples': []}
    assert list(report['catalogue']['missing'].values()) == [nothing] * 6

    images = pc.equal(table['component'], 'image')
    gone = table.filter(images)['id'].to_pylist()[::2]
    pq.write_table(table.filter(pc.invert(pc.is_in(table['id'], pa.array(gone)))), catalogue)
    code, out, err = genco(*arguments)
    assert (code, err) == (0, '')
    missing = json.loads(figures.read_text())['catalogue']['missing']
    rows = [pq.read_table(file)['image_candidates'].to_pylist() for file in simulated.glob('*/*/*.parquet')]
    lists = [set(ids) & set(gone) for part in rows for ids in part]
    logged = set().union(*lists)
    assert missing['image']['ids'] == len(logged) > 0
    assert missing['image']['impressions'] == sum(map(bool, lists))
    assert len(missing['image']['examples']) == min(10, len(logged))
    assert set(missing['image']['examples']) <= logged
    assert missing['title'] == nothing
    assert 'Candidates in the logs that the catalogue lacks' in out
    assert missing['image']['examples'][0] in out
    assert f'{missing["image"]["impressions"] / 800:.1%}' in out


def test_check_shows_bad_elements_and_stops_at_the_configured_share(tmp_path, simulated, genco):
    catalogue, figures = simulated / 'catalogue.parquet', tmp_path / 'c.json'
    rows = pq.read_table(catalogue).to_pylist()
    for row in rows[:10]:
        row['attributes'] = ['[bold]\n']
    pq.write_table(pa.Table.from_pylist(rows, schema=pq.read_schema(catalogue)), catalogue)
    arguments = ('check', '--catalogue', catalogue, '--no-logs', '--json', figures)
    code, out, err = genco(*arguments, *with_content('checks.max_bad_share=0.001'))
    assert code == 2 and err.count('\n') == 1
    assert err.startswith(f'genco: {catalogue}: 10 of {len(rows)} elements of the catalogue break a rule')
    assert 'attributes holds a line break' in out and '[bold]' in out
    report = json.loads(figures.read_text())
    assert list(report) == ['catalogue']
    assert (report['catalogue']['bad_elements'], report['catalogue']['impressions']) == (10, 0)
    code, out, err = genco(*arguments, *with_content('checks.max_bad_share=0.9'))
    assert (code, err) == (0, '') and 'rows' not in out and 'lacks' not in out


def test_check_names_components_that_the_configuration_does_not_read(simulated, genco):
    catalogue = simulated / 'catalogue.parquet'
    code, out, _ = genco('check', *without_content(), '--catalogue', catalogue, '--no-logs')
    assert code == 0 and 'marketing (not read)' in out


@pytest.mark.parametrize(
    'arguments',
    [
        ('--no-logs',),
        ('--no-logs', '--catalogue', 'c', '--logs', 'l'),
        ('--no-logs', '--catalogue', 'c', '--quarantine', 'q'),
    ],
)
def test_options_that_exclude_each_other_are_one_line(genco, arguments):
    code, out, err = genco('check', *without_content(), *arguments)
    assert (code, out) == (2, '')
    assert err == 'genco: --no-logs: needs a catalogue and excludes --logs and --quarantine\n'


def test_check_reads_the_catalogue_of_the_configuration(tmp_path, simulated, genco):
    named, figures = f'paths.catalogue={simulated}/catalogue.parquet', tmp_path / 'c.json'
    code, out, _ = genco('check', *with_content(named), '--no-logs', '--json', figures)
    elements = pq.read_metadata(simulated / 'catalogue.parquet').num_rows
    assert code == 0 and f'{elements:,} elements, 0 bad' in out
    assert json.loads(figures.read_text())['catalogue']['elements'] == elements


def test_a_catalogue_that_is_not_there_is_one_line(tmp_path, simulated, genco):
    code, _, err = genco('check', *with_content(), '--logs', simulated, '--catalogue', tmp_path / 'none')
    assert (code, err.count('\n')) == (2, 1)
    assert err.startswith(f'genco: {tmp_path}/none: no such catalogue')


def test_properties_of_the_world_can_be_set(tmp_path, genco):
    genco('simulate', '--out', tmp_path / 'logs', *SMALL, '--set', 'taste_std=0', '--set', 'seed=7')
    config = json.loads((tmp_path / 'logs' / 'truth.json').read_text())['config']
    assert (config['taste_std'], config['seed'], config['ads']) == (0, 7, 20)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('--ads', '0'), 'ads: Input should be greater than or equal to 1, got 0'),
        (('--start-day', 'tomorrow'), 'start_day: '),
        (('--days', '9000000'), 'days must be at most 2913002 from 2024-06-20 on: got 9000000; see'),
        (('--seed', '-1'), 'seed: Input should be greater than or equal to 0, got -1'),
        (('--set', 'colour=red'), 'colour: the world has no such property'),
        (('--set', 'colour'), "override 'colour': must look like"),
        (('--set', 'ads=['), "override 'ads=[': the value is no YAML"),
    ],
)
def test_an_impossible_world_is_one_line(tmp_path, genco, arguments, message):
    code, _, err = genco('simulate', '--out', tmp_path / 'logs', *arguments)
    assert code == 2 and err.count('\n') == 1
    assert err.startswith(f'genco: {message}')


@pytest.mark.parametrize('json_path', ['nowhere/figures.json', '.'])
def test_figures_that_could_not_be_written_are_refused_before_the_work(tmp_path, genco, json_path):
    out = tmp_path / 'logs'
    code, printed, err = genco('simulate', '--out', out, *SMALL, '--json', tmp_path / json_path)
    assert (code, printed, out.exists()) == (2, '', False)
    assert err.startswith(f'genco: --json {tmp_path / json_path}: must be a file in a folder')
    assert err.count('\n') == 1


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('frob',), "genco: No such command 'frob'; see genco --help"),
        (('--frob',), "genco: No such option '--frob'; see genco --help"),
        (('simulate',), "genco simulate: Missing option '--out'; see genco simulate --help"),
        (('convert', 'x', '--out', 'y', '--seed', '-1'), "genco convert: Invalid value for '--seed': -1 is "),
        (('bench', 'frob'), "genco bench: No such command 'frob'; see genco bench --help"),
    ],
)
def test_wrong_arguments_are_one_line(genco, arguments, message):
    code, out, err = genco(*arguments)
    assert (code, out) == (2, '')
    assert err.startswith(message) and err.count('\n') == 1


def test_convert_then_check(tmp_path, genco):
    source, logs = write_csv(tmp_path / 'packages.csv'), tmp_path / 'logs'
    code, out, err = genco(
        'convert', source, '--out', logs, '--train-share', 0.2, '--json', tmp_path / 'c.json'
    )
    assert (code, err) == (0, '')
    assert '6 packages of 2 tests' in out
    assert json.loads((tmp_path / 'c.json').read_text())['test']['impressions'] == 5300
    code, out, _ = genco('check', '--config', CONFIGS / 'upworthy.yaml', '--logs', logs)
    assert code == 0 and '0 bad' in out


def test_existing_output_is_refused_in_one_line(tmp_path, genco):
    (tmp_path / 'mine').touch()
    for verb in (('simulate',), ('convert', write_csv(tmp_path / 'packages.csv'))):
        code, _, err = genco(*verb, '--out', tmp_path)
        assert (code, err) == (
            2,
            f'genco: {tmp_path}: is not empty; remove it or choose another output folder\n',
        )


@pytest.mark.parametrize(
    'verb',
    [
        'simulate',
        'convert',
        'check',
        'run',
        'refresh',
        'evaluate',
        'serve',
        'select',
        'join',
        'skew',
        'bench',
    ],
)
def test_help_has_an_example(genco, verb):
    code, out, _ = genco(verb, '--help')
    assert code == 0 and f'genco {verb} ' in out and 'Example' in out


def test_no_tensorflow_is_imported():
    heavy = {'tensorflow', 'tfx', 'apache_beam'}
    code = f'import sys, tfx_pipeline.cli.logs; print(sorted({heavy} & set(sys.modules)))'
    found = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == '[]'
