"""Figure 3: the importance of components by category, as learned and as true in the simulator."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from scipy.stats import spearmanr

from benchmarks.common.comparison import interval_row
from benchmarks.common.packed_logs import dataset
from benchmarks.common.simulated import Requests, next_day
from benchmarks.common.statistics import mean_interval
from benchmarks.common.workers import results_of
from benchmarks.common.worlds import Density, world_of
from model.config import GencoConfig
from model.network.genco import GenCO
from model.training.train import train

_DENSITY = Density(500, 600)
_QUICK_DENSITY = Density(100, 400)
TRUTH, ATTENTION, SCORE_VARIANCE = 'truth', 'attention', 'score_variance'
MEASURES = (ATTENTION, SCORE_VARIANCE)
ALL = 'all'

Shares = dict[str, np.ndarray]  # By measure, float64 [categories, M]; each row sums to 1.


def run(quick: bool, seed: int = 1) -> dict:
    """Compares the learned importance of components with the true one.

    GenCO is trained on simulated worlds, one per seed, in which the importance of the components differs by
    category. The true importance of a component is its share in the variance of the element effects. It is
    compared with two measures of the learned importance, also normalised to shares. `attention` is the mean
    weight w of a component (eq. 17) in uniformly drawn combinations, relative to equal weights.
    `score_variance` is the variance of f_ele among the candidates.

    Args:
        quick: Whether to use small logs of two worlds.
        seed: The seed of the first world.

    Returns:
        rows: Per category and component, the truth and both measures with 95 % intervals over seeds.
        rank_correlations: Per measure and category, and over all pairs of category and component (`all`),
            Spearman's correlation with the truth, with its interval over seeds.
        seeds: The seeds of the worlds.
    """
    density, seeds, requests = (_QUICK_DENSITY, 2, 2000) if quick else (_DENSITY, 6, 10_000)
    config = world_of(density, 1)
    categories, components = sorted(config.importance), [c.name for c in config.components]
    tasks = [(density, world, requests) for world in range(seed, seed + seeds)]
    worlds = results_of(measure, tasks, parallel=not quick)
    return {
        'rows': _rows(worlds, categories, components),
        'rank_correlations': _correlations(worlds, categories),
        'seeds': list(range(seed, seed + seeds)),
    }


def measure(density: Density, seed: int, requests: int) -> Shares:
    """True and learned importance in one world, with categories in alphabetical order."""
    simulated = world_of(density, seed)
    config = GencoConfig(log_schema=simulated.log_schema())
    day = next_day(simulated, requests, config.training.batch_size)
    model = train(day.tables, config, dataset(day.train))
    truth = day.requests.truth.component_importance()
    learned = {ATTENTION: _attention(model, day.requests), SCORE_VARIANCE: _variance(model, day.requests)}
    means = {TRUTH: np.array([list(truth[category].values()) for category in sorted(truth)])}
    categories = np.array(day.requests.log.column('category').to_pylist())
    for name, values in learned.items():
        means[name] = np.array([np.nanmean(values[categories == c], 0) for c in sorted(truth)])
    return {name: values / values.sum(1, keepdims=True) for name, values in means.items()}


def _attention(model: GenCO, requests: Requests) -> np.ndarray:
    """Weight w in drawn combinations x number of present components, NaN if absent, float64 [R, M]."""
    combinations = requests.drawn(np.random.default_rng(1))

    @tf.function(reduce_retracing=True)
    def weights_of(batch, shown):
        return model.score_combination(model.encode(batch), shown).weights

    parts = [
        weights_of(batch, tf.constant(shown))
        for batch, shown in zip(requests.batches, requests.by_batch(combinations))
    ]
    present = combinations >= 0
    return np.where(present, np.concatenate(parts) * present.sum(1, keepdims=True), np.nan)


def _variance(model: GenCO, requests: Requests) -> np.ndarray:
    """Variance of f_ele among the candidates, NaN for fewer than two candidates, float64 [R, M]."""
    scores_of = tf.function(lambda batch: model.score_elements(model.encode(batch)), reduce_retracing=True)
    scores = np.concatenate([scores_of(batch) for batch in requests.batches])
    counts = requests.counts.ravel()
    segment = np.repeat(np.arange(len(counts)), counts)
    mean = np.bincount(segment, scores, len(counts)) / np.maximum(counts, 1)
    squares = np.bincount(segment, (scores - mean[segment]) ** 2, len(counts))
    variance = np.where(counts > 1, squares / np.maximum(counts - 1, 1), np.nan)
    return variance.reshape(requests.counts.shape)


def _rows(worlds: Sequence[Shares], categories: Sequence[str], components: Sequence[str]) -> list[dict]:
    rows = []
    for i, category in enumerate(categories):
        for j, component in enumerate(components):
            row = {'category': category, 'component': component, TRUTH: worlds[0][TRUTH][i, j]}
            for name in MEASURES:
                interval = mean_interval(np.array([world[name][i, j] for world in worlds]))
                row |= interval_row(interval, name, f'{name}_')
            rows.append(row)
    return rows


def _correlations(worlds: Sequence[Shares], categories: Sequence[str]) -> list[dict]:
    rows = []
    for name in MEASURES:
        for i, category in enumerate([*categories, ALL]):
            part = slice(None) if category == ALL else i
            found = [spearmanr(w[TRUTH][part].ravel(), w[name][part].ravel()).statistic for w in worlds]
            interval = mean_interval(np.array(found))._asdict()
            rows.append({'measure': name, 'category': category} | interval)
    return rows
