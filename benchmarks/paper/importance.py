"""Figure 3: which components matter in which category, as learned and as it is true of the simulator."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
from scipy.stats import spearmanr

from benchmarks.common.comparison import interval_row
from benchmarks.common.packed_logs import dataset
from benchmarks.common.simulated import Requests, next_day
from benchmarks.common.statistics import mean_interval
from benchmarks.common.workers import results_of
from benchmarks.quality.known_truth import Density, world_of
from model.config import GencoConfig
from model.features import packed_batch as keys
from model.features.packed_batch import Batch
from model.network.genco import GenCO
from model.training.train import train

_DENSITY = Density(500, 600)
_QUICK_DENSITY = Density(100, 400)
TRUTH, ATTENTION, SCORE_VARIANCE = 'truth', 'attention', 'score_variance'
MEASURES = (ATTENTION, SCORE_VARIANCE)
ALL = 'all'

Shares = dict[str, np.ndarray]  # by measure, float64 [categories, M], each row summing to 1


def run(quick: bool, seed: int = 1) -> dict:
    """GenCO learns from simulated worlds, one per seed, in which the importance of the components differs by
    category: the truth is the share of each in the variance of the element effects.

    Two measures of what was learned are compared with it, as shares too. attention: the mean weight w of a
    component (eq. 17) in uniformly drawn combinations, in multiples of what equal weights would be;
    score_variance: the variance of f_ele among the candidates.

    Returns:
        rows: per category and component the truth, and both measures with 95 % intervals over seeds.
        rank_correlations: per measure and category, and over all pairs of category and component (`all`),
        Spearman's correlation with the truth, with its interval over seeds.
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
    """What a model learned in one world, by sorted category."""
    simulated = world_of(density, seed)
    config = GencoConfig(log_schema=simulated.log_schema())
    day = next_day(simulated, requests, config.training.batch_size)
    model = train(day.layout, config, dataset(day.train))
    truth = day.requests.truth.component_importance()
    learned = {ATTENTION: _attention(model, day.requests), SCORE_VARIANCE: _variance(model, day.requests)}
    means = {TRUTH: np.array([list(truth[category].values()) for category in sorted(truth)])}
    categories = np.array(day.requests.log.column('category').to_pylist())
    for name, values in learned.items():
        means[name] = np.array([np.nanmean(values[categories == c], 0) for c in sorted(truth)])
    return {name: values / values.sum(1, keepdims=True) for name, values in means.items()}


def _attention(model: GenCO, requests: Requests) -> np.ndarray:
    """w of a drawn combination times the number of components it has, NaN where absent, float64 [R, M]."""
    combinations = requests.drawn(np.random.default_rng(1))

    @tf.function(reduce_retracing=True)
    def weights_of(batch, shown):
        return model.score_combination(model.encode(batch), shown).weights

    parts = [weights_of(batch, tf.constant(shown)) for batch, shown in _with(requests, combinations)]
    present = combinations >= 0
    return np.where(present, np.concatenate(parts) * present.sum(1, keepdims=True), np.nan)


def _variance(model: GenCO, requests: Requests) -> np.ndarray:
    """Variance of f_ele among the candidates, NaN where there are not two, float64 [R, M]."""
    scores_of = tf.function(lambda batch: model.score_elements(model.encode(batch)), reduce_retracing=True)
    scores = np.concatenate([scores_of(batch) for batch in requests.batches])
    counts = requests.counts.ravel()
    segment = np.repeat(np.arange(len(counts)), counts)
    mean = np.bincount(segment, scores, len(counts)) / np.maximum(counts, 1)
    squares = np.bincount(segment, (scores - mean[segment]) ** 2, len(counts))
    variance = np.where(counts > 1, squares / np.maximum(counts - 1, 1), np.nan)
    return variance.reshape(requests.counts.shape)


def _with(requests: Requests, values: np.ndarray) -> Iterator[tuple[Batch, np.ndarray]]:
    """Each batch with its rows of `values`."""
    ends = np.cumsum([len(batch[keys.COUNTS]) for batch in requests.batches])[:-1]
    return zip(requests.batches, np.split(values, ends))


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
