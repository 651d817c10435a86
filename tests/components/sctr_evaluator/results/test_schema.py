"""The types of `evaluation.json` against evaluations, and their JSON schema against its file."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from components.sctr_evaluator.results.evaluation import evaluate
from components.sctr_evaluator.results.schema import SCHEMA_FILE, Evaluation, from_json, json_schema, to_json
from tests.components.sctr_evaluator.scored import CONFIG, found_of, random_scored

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope='module')
def text() -> str:
    scored = random_scored(np.random.default_rng(1), 200)
    return to_json(evaluate(found_of(scored, np.arange(200) // 4, scored), CONFIG))


def test_the_types_hold_all_of_an_evaluation_and_nothing_else(text):
    result = from_json(text)
    dumped = Evaluation.model_validate(result).model_dump(mode='json', exclude_unset=True)
    assert dumped == json.loads(text) == result


@pytest.mark.parametrize(('ctr', 'rows'), [(0.0, 50), (1.0, 50), (0.3, 1)])
def test_evaluations_with_problems_are_valid(ctr, rows):
    scored = random_scored(np.random.default_rng(2), rows, ctr)
    assert from_json(to_json(evaluate(found_of(scored, np.arange(rows)), CONFIG)))['problems'] is not None


def test_what_breaks_the_schema_is_refused(text):
    result = json.loads(text)
    for broken in (
        {name: value for name, value in result.items() if name != 'verdict'},
        result | {'unknown': 1},
        result | {'rows': 'many'},
    ):
        with pytest.raises(ValidationError):
            from_json(json.dumps(broken))


def test_the_written_json_schema_is_current():
    written = (ROOT / SCHEMA_FILE).read_text(encoding='utf-8')
    assert written == json_schema(), f'run python -m {Evaluation.__module__}'
