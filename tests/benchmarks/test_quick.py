"""Each benchmark runs in its quick form and gives the figures it promises; how fast is no matter here."""

import importlib
import json
from pathlib import Path

import pytest

from tfx_pipeline.cli.bench import BENCHMARKS

pytestmark = pytest.mark.minutes

FIGURES = {
    'training-speed': {'packed_examples_per_s', 'padded_examples_per_s', 'tfrecords_examples_per_s'},
    'evaluator-speed': {'rows_per_s', 'tfma_rows_per_s'},
    'simulator-speed': {'rows_per_s'},
}


def test_every_benchmark_is_covered():
    elsewhere = {name for name in BENCHMARKS if name not in FIGURES}
    tests = {path.stem for path in Path(__file__).parent.rglob('test_*.py')}
    assert {f'test_{name.replace("-", "_")}' for name in elsewhere} <= tests


@pytest.mark.parametrize('name', FIGURES)
def test_quick_form(name):
    figures = importlib.import_module(BENCHMARKS[name].module).run(quick=True)
    assert all(figures[figure] > 0 for figure in FIGURES[name])
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
