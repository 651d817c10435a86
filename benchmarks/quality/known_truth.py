"""Choosing against known truth: simulated logs of several densities, requests of the day after them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.common.climb import Climbing
from benchmarks.common.comparison import differences, policy_rows
from benchmarks.common.genco_policies import genco_policies
from benchmarks.common.packed_logs import dataset
from benchmarks.common.simulated import next_day
from benchmarks.common.workers import results_of
from creative_logs.simulator.config import SimulatorConfig
from model.baselines import MultiLayerPerceptron, Policy, peers
from model.config import GencoConfig
from model.features.feature_tables import Layout
from model.features.packed_batch import Batch
from model.training.train import train

_TRAINING_DAYS = 8


class Density(NamedTuple):
    """So many ads with so many impressions each, on average, to learn from.

    The fewer impressions an ad has, the more ads it takes until the policies' differences are resolved.
    """

    impressions_per_ad: int
    ads: int


DENSITIES = (Density(500, 600), Density(100, 2000), Density(20, 6000))
_QUICK_DENSITIES = (Density(100, 300),)


def run(quick: bool, seed: int = 1) -> dict:
    """Every policy learns from eight days of production traffic and chooses for the uniform policy's
    requests of the ninth. Each seed is a world of its own: six components, up to 15 candidates each.

    Returns:
        rows: per density and policy, means and 95 % intervals over seeds of lift (true CTR of the choice
        over that of uniform choice), oracle_share (share of the lift of the best combination), regret
        (CTR below that of the best combination) and ctr.
        differences: per density and peer, GenCO's lift minus the peer's, paired by seed.
    """
    densities, seeds, requests = (_QUICK_DENSITIES, 2, 1000) if quick else (DENSITIES, 6, 3000)
    tasks = [(density, world, requests) for density in densities for world in range(seed, seed + seeds)]
    measured = results_of(measure, tasks, parallel=not quick)
    rows, against = [], []
    for number, density in enumerate(densities):
        worlds = measured[number * seeds : (number + 1) * seeds]
        where = {'impressions_per_ad': density.impressions_per_ad, 'ads': density.ads}
        rows += [where | row for row in policy_rows(worlds, 'lift')]
        against += [where | row for row in differences(worlds, 'lift')]
    return {
        'rows': rows,
        'differences': against,
        'seeds': list(range(seed, seed + seeds)),
        'requests': requests,
    }


def measure(density: Density, seed: int, requests: int) -> dict[str, dict[str, float]]:
    """Figures of every policy in one world."""
    simulated = world_of(density, seed)
    config = GencoConfig(log_schema=simulated.log_schema())
    day = next_day(simulated, requests, config.training.batch_size)
    return {
        name: day.requests.figures(day.requests.choice_of(policy))
        for name, policy in fitted_policies(day.layout, config, day.train)
    }


def world_of(density: Density, seed: int) -> SimulatorConfig:
    """A world whose production traffic of all days but the last has the density."""
    impressions = density.ads * density.impressions_per_ad / _TRAINING_DAYS
    config = SimulatorConfig(seed=seed, ads=density.ads, days=_TRAINING_DAYS + 1)
    return config.model_copy(update={'rows': round(impressions / (1 - config.test_share))})


def fitted_policies(
    layout: Layout, config: GencoConfig, data: Sequence[Batch]
) -> Iterator[tuple[str, Policy]]:
    """All peers and GenCO's policies, each after it has learned from the batches."""
    for name, policy in peers(layout).items():
        policy.fit(data)
        yield name, Climbing(policy) if isinstance(policy, MultiLayerPerceptron) else policy
    yield from genco_policies(train(layout, config, dataset(data))).items()
