"""A verb whose extra is not installed names it."""

import sys

import pytest

from tfx_pipeline import cli

EXTRAS = {
    'embed': 'embed',
    'run': 'pipeline',
    'refresh': 'pipeline',
    'evaluate': 'pipeline',
    'serve': 'server',
    'skew': 'server',
    'bench': 'pipeline',
}
MODULES = {'embed': 'tokenizers', 'pipeline': 'tfx', 'server': 'werkzeug'}


@pytest.fixture
def genco(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['genco', *arguments])
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = stop.code
        return status, capsys.readouterr().err

    return call


@pytest.mark.parametrize('verb', EXTRAS)
def test_a_verb_names_the_extra_it_lacks(genco, monkeypatch, verb):
    extra = EXTRAS[verb]
    monkeypatch.setitem(sys.modules, MODULES[extra], None)
    message = f"genco {verb} needs the extra {extra}: pip install 'genco[{extra}]'\n"
    assert genco(verb, '--no-such-option') == (2, message)


@pytest.mark.parametrize('verb', EXTRAS)
def test_help_needs_no_extra(genco, monkeypatch, verb):
    for module in MODULES.values():
        monkeypatch.setitem(sys.modules, module, None)
    assert genco(verb, '--help') == (0, '')


def test_benchmarks_need_a_clone(genco, monkeypatch):
    monkeypatch.setitem(sys.modules, 'benchmarks', None)
    message = 'genco bench needs a clone of the project: the package has no benchmarks\n'
    assert genco('bench', 'simulator-speed', '--quick') == (2, message)
