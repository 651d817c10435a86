"""Quality of choices with known truth, after training on simulated logs of several densities."""

from collections.abc import Iterator, Sequence

from benchmarks.common.climb import Climbing
from benchmarks.common.comparison import differences, policy_rows
from benchmarks.common.genco_policies import genco_policies
from benchmarks.common.packed_logs import dataset
from benchmarks.common.simulated import next_day
from benchmarks.common.workers import results_of
from benchmarks.common.worlds import Density, world_of
from model.baselines import MultiLayerPerceptron, Policy, peers
from model.config import GencoConfig
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch
from model.training.train import train

DENSITIES = (Density(500, 600), Density(100, 2000), Density(20, 6000))
_QUICK_DENSITIES = (Density(100, 300),)


def run(quick: bool, seed: int = 1) -> dict:
    """Trains every policy on eight days of production traffic and evaluates its choices on the ninth day.

    The choices are for the uniform policy's requests. Each seed gives a different world with six components
    of up to 15 candidates each.

    Args:
        quick: Whether to use one small density and two worlds.
        seed: The seed of the first world.

    Returns:
        rows: Per density and policy, means with 95 % intervals over seeds of `lift` (true CTR of the choice
            divided by that of uniform choice, minus 1), `oracle_share` (share of the lift of the best
            combination), `regret` (CTR of the best combination minus that of the choice) and `ctr`.
        differences: Per density and peer, GenCO's lift minus the peer's, paired by seed.
        seeds: The seeds of the worlds.
        requests: The number of requests per world.
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
    """The figures of every policy in one world."""
    simulated = world_of(density, seed)
    config = GencoConfig(log_schema=simulated.log_schema())
    day = next_day(simulated, requests, config.training.batch_size)
    return {
        name: day.requests.figures(day.requests.choice_of(policy))
        for name, policy in fitted_policies(day.tables, config, day.train)
    }


def fitted_policies(
    tables: FeatureTables, config: GencoConfig, data: Sequence[Batch]
) -> Iterator[tuple[str, Policy]]:
    """Yields all peers and GenCO's policies by name, each trained on the batches."""
    for name, policy in peers(tables).items():
        policy.fit(data)
        yield name, Climbing(policy) if isinstance(policy, MultiLayerPerceptron) else policy
    yield from genco_policies(train(tables, config, dataset(data))).items()
