"""Made-up answers of a model, and the oracle: the paper's Algorithm 1 as a plain loop."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.propensity_check import Uniformity
from components.sctr_evaluator.policies import SERVING_START
from components.sctr_evaluator.results.evaluation import Found
from components.sctr_evaluator.results.slice_results import SliceSums
from components.sctr_evaluator.rows.scored_rows import ScoredRows
from components.sctr_evaluator.sums.batch_sums import Measured, measure, slice_columns
from components.sctr_evaluator.sums.estimator_sums import Sums
from components.sctr_evaluator.sums.row_totals import Totals
from components.sctr_evaluator.sums.slice_sums import Slicer

CONFIG = EvaluationConfig(bootstrap_replicates=50)
COMPONENTS = (b'title', b'image', b'badge')
WIDTH = 4


def random_scored(rng: np.random.Generator, rows: int, ctr: float = 0.3, most: int = 6) -> ScoredRows:
    """Rows of a uniform log; up to `most` candidates, of which the model sees the first WIDTH."""
    counts = rng.integers(0, most + 1, (rows, len(COMPONENTS)))
    kept = np.minimum(counts, WIDTH)
    exists = np.arange(WIDTH) < kept[..., None]
    score = np.where(exists, rng.normal(0, 1, exists.shape), -np.inf)
    weights = np.where(exists, np.exp(score), 0)
    probability = weights / np.maximum(weights.sum(2, keepdims=True), 1e-30)
    choices = {p: _draw(rng, probability, counts) for p in ('sampled', 'two_stage', 'combination')}
    shown = np.where(counts > 0, (rng.random(counts.shape) * counts).astype(np.int64), -1)
    return ScoredRows(
        click=(rng.random(rows) < ctr).astype(np.float32),
        weight=np.ones(rows, np.float32),
        timestamp=rng.integers(0, 3, rows) * 86_400_000,
        ad_key=rng.integers(0, 20, rows),
        generated_ctr=rng.uniform(0.01, 0.9, (rows, 3)).astype(np.float32),
        uniform_ctr=rng.uniform(0.01, 0.9, (rows, 3)).astype(np.float32),
        candidate_count=counts,
        shown=shown,
        shown_propensity=np.where(counts > 0, 1 / np.maximum(counts, 1), 1).astype(np.float32),
        element_score=score.astype(np.float32),
        element_probability=probability.astype(np.float32),
        greedy=np.where(counts > 0, score.argmax(2), -1),
        shown_ctr=rng.uniform(0.01, 0.9, rows).astype(np.float32),
        attention_weight=rng.dirichlet(np.ones(3), rows).astype(np.float32),
        component=np.array(COMPONENTS, object),
        **choices,
    )


def draw(rng: np.random.Generator, scored: ScoredRows) -> np.ndarray:
    """A choice per row and component from the model's probabilities."""
    return _draw(rng, scored.element_probability.astype(np.float64), scored.candidate_count)


def _draw(rng: np.random.Generator, probability: np.ndarray, counts: np.ndarray) -> np.ndarray:
    drawn = (probability.cumsum(2) < rng.random(counts.shape)[..., None]).sum(2)
    return np.where(counts > 0, np.minimum(drawn, np.minimum(counts, WIDTH) - 1), -1)


def algorithm_1(scored: ScoredRows, choice: np.ndarray, j: int, min_candidates: int) -> tuple[float, float]:
    """Clicks and exposures of component j, as the paper prints it: n for a match, n for its click."""
    exposure = click = 0.0
    for r in range(len(scored.click)):
        n = int(scored.candidate_count[r, j])
        if n >= min_candidates and choice[r, j] == scored.shown[r, j] and n > 0:
            exposure += n
            click += n * float(scored.click[r])
    return click, exposure


def found_of(
    scored: ScoredRows, keys: np.ndarray, serving: ScoredRows | None = None, config: EvaluationConfig = CONFIG
) -> Found:
    """All sums of some rows, as the pipeline makes them."""
    return summed([measure(scored, serving, keys, {}, config)], config)


def summed(parts: Sequence[Measured], config: EvaluationConfig = CONFIG) -> Found:
    """All sums of some batches of one source."""
    slicer = Slicer(config)
    for part in parts:
        slicer.add(part.slices)
    totals = replace(Totals.merged(part.totals for part in parts), slices=slicer.counts())
    table = ClusterSums.merged(part.clusters for part in parts)
    policies = totals.matched.shape[1]
    columns = len(slice_columns(config, policies > SERVING_START))
    slices = [(name, SliceSums.of(found, columns)) for name, found in slicer.flush(everything=True)]
    ads = Uniformity.of(ClusterSums.merged(part.ads for part in parts))
    return Found(totals, Sums.of(table, policies, config.bootstrap_replicates), ads, slices)
