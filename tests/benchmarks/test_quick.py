"""Each benchmark runs in its quick form and gives the figures it promises; how fast is no matter here."""

import importlib
import json

import pytest

from tfx_pipeline.cli.bench import BENCHMARKS

FIGURES = {
    'training-speed': {'packed_examples_per_s', 'padded_examples_per_s', 'tfrecords_examples_per_s'},
    'evaluator-speed': {'rows_per_s'},
    'simulator-speed': {'rows_per_s'},
}


def test_every_benchmark_is_covered():
    assert set(FIGURES) == set(BENCHMARKS)


@pytest.mark.parametrize('name', FIGURES)
def test_quick_form(name):
    figures = importlib.import_module(BENCHMARKS[name]).run(quick=True)
    assert all(figures[figure] > 0 for figure in FIGURES[name])
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
