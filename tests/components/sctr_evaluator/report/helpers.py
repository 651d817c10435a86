"""Evaluations of random rows, for tests of what is made from them."""

import json
from functools import cache

import numpy as np

from components.sctr_evaluator.results.evaluation import evaluate
from tests.components.sctr_evaluator.scored import CONFIG, found_of, random_scored


def random_result(rows: int = 400, ctr: float = 0.3, paired: bool = True, forced: str = '') -> dict:
    """The content of evaluation.json for random rows, as a copy that a test may change."""
    return json.loads(_evaluation(rows, ctr, paired, forced))


@cache
def _evaluation(rows: int, ctr: float, paired: bool, forced: str) -> str:
    rng = np.random.default_rng(1)
    scored = random_scored(rng, rows, ctr)
    serving = scored.take(rng.permutation(rows)) if paired else None
    config = CONFIG.model_copy(update={'force_blessing': forced, 'slices': (('candidates',), ('day',))})
    result = evaluate(found_of(scored, rng.integers(0, 50, rows), serving, config), config)
    return json.dumps(result, allow_nan=False)
