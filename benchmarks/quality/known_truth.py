"""Quality of choices with known truth, after training on simulated logs of several densities."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from benchmarks.common.climb import Climbing
from benchmarks.common.comparison import differences, policy_rows
from benchmarks.common.genco_policies import CONTENT, GENCO, GENCO_CONTENT, genco_policies
from benchmarks.common.packed_logs import dataset
from benchmarks.common.simulated import NextDay, next_day
from benchmarks.common.workers import results_of
from benchmarks.common.worlds import Density, Worlds
from benchmarks.quality.new_elements import new_element_rows, twin_lifts
from creative_logs.schema import LogSchema
from creative_logs.simulator.config import SimulatorConfig
from model.baselines import GradientBoostedTrees, MultiLayerPerceptron, Policy, content_peers, peers
from model.config import GencoConfig
from model.training.train import train

DENSITIES = (Density(500, 600), Density(100, 2000), Density(20, 6000))
_QUICK_DENSITIES = (Density(100, 200),)
# The search of the other peers is slow, and they know nothing of new elements.
_WITH_TWINS = tuple(
    name + suffix for name in ('poisson_ridge', 'gradient_boosted_trees', GENCO) for suffix in ('', CONTENT)
)


class World(NamedTuple):
    """The results in one world.

    Attributes:
        figures: The figures of each policy for the requests of the next day.
        twins: The lift of GenCO, the ridge and the trees in twin requests, `lift_shown` and `lift_new`; empty where there are none.
        impressions: The mean number of impressions of the candidates of twin requests that were shown.
    """

    figures: dict[str, dict[str, float]]
    twins: dict[str, dict[str, float]]
    impressions: float


def run(
    quick: bool,
    seed: int = 1,
    ads: int | None = None,
    impressions: int | None = None,
    seeds: int | None = None,
    properties: Mapping[str, Any] | None = None,
    catalogue: bool = True,
) -> dict:
    """Trains every policy on eight days of production traffic and evaluates its choices on the ninth day.

    The choices are for the uniform policy's requests. Each seed gives a different world with six components
    of up to 15 candidates each.

    Args:
        quick: Whether to use one small density and two worlds.
        seed: The seed of the first world.
        ads, impressions, seeds, properties: The worlds (see `benchmarks.common.worlds.Worlds.asked_for`).
        catalogue: Whether there is a catalogue. GenCO and the peers that can read it are then measured twice:
            without it, and with it under names that end in `_content`.

    Returns:
        rows: Per density and policy, means with 95 % intervals over seeds of `lift` (true CTR of the choice
            divided by that of uniform choice, minus 1), `oracle_share` (share of the lift of the best
            combination), `regret` (CTR of the best combination minus that of the choice) and `ctr`.
        differences: Per density and peer, GenCO's lift minus the peer's, paired by seed; with a catalogue,
            both for GenCO without it, against the peers without it, and for GenCO with it, against all.
        new_elements: Per density, for GenCO, the ridge and the trees, the lift over uniform choice among candidates that were shown 25
            to 100 times in training, and among new ones in the same requests (see
            `benchmarks.quality.new_elements`).
        seeds, properties, catalogue: The worlds.
        requests: The number of requests per world.
    """
    densities, number, requests = (_QUICK_DENSITIES, 2, 400) if quick else (DENSITIES, 6, 3000)
    worlds = Worlds.asked_for(densities, number, seed, ads, impressions, seeds, properties, catalogue)
    tasks = [
        (worlds.config(density, world), requests, worlds.catalogue)
        for density in worlds.densities
        for world in worlds.seeds
    ]
    measured = iter(results_of(measure, tasks, parallel=not quick))
    rows: dict[str, list[dict]] = {'rows': [], 'differences': [], 'new_elements': []}
    for density in worlds.densities:
        of_density = [next(measured) for _ in worlds.seeds]
        where = {'impressions_per_ad': density.impressions_per_ad, 'ads': density.ads}
        for name, found in _rows(of_density).items():
            rows[name] += [where | row for row in found]
    return rows | worlds.described() | {'requests': requests}


def measure(simulated: SimulatorConfig, requests: int, catalogue: bool) -> World:
    """The figures of every policy in one world.

    Args:
        simulated: The world.
        requests: The number of requests.
        catalogue: Whether there is a catalogue.
    """
    config = GencoConfig(log_schema=simulated.log_schema(catalogue))
    day = next_day(simulated, requests, config.training.batch_size, catalogue, twins=True)
    figures, twins = {}, {}
    for name, policy in fitted_policies(day, config):
        figures[name] = day.requests.figures(day.requests.choice_of(policy))
        if day.twins and name in _WITH_TWINS:
            twins[name] = twin_lifts(day.twins, policy)
    return World(figures, twins, day.twins.impressions if day.twins else 0.0)


def fitted_policies(day: NextDay, config: GencoConfig) -> Iterator[tuple[str, Policy]]:
    """Yields all peers and GenCO's policies by name, each trained on the batches of the day."""
    plain = day.without_catalogue()
    for name, policy in (peers(plain.tables) | _content_peers(day, config.log_schema)).items():
        policy.fit(day.train)
        climbs = isinstance(policy, (MultiLayerPerceptron, GradientBoostedTrees))
        yield name, Climbing(policy) if climbs else policy
    yield from genco_policies(train(plain.tables, config, dataset(day.train))).items()
    if day.catalogue is not None:
        model = train(day.tables, config, dataset(day.train), catalogue=day.catalogue)
        yield from ((name + CONTENT, policy) for name, policy in genco_policies(model).items())


def _content_peers(day: NextDay, schema: LogSchema) -> dict[str, Policy]:
    if day.catalogue is None:
        return {}
    crossed = [feature.name for feature in schema.context if feature.encoding == 'category']
    return content_peers(day.tables, day.catalogue, crossed)


def _rows(worlds: list[World]) -> dict[str, list[dict]]:
    """The rows of one density."""
    figures = [world.figures for world in worlds]
    without = [{name: f for name, f in one.items() if not name.endswith(CONTENT)} for one in figures]
    ahead = differences(without, 'lift')
    if GENCO_CONTENT in figures[0]:
        ahead += differences(figures, 'lift', GENCO_CONTENT)
    impressions = [world.impressions for world in worlds]
    return {
        'rows': policy_rows(figures, 'lift'),
        'differences': ahead,
        'new_elements': new_element_rows([world.twins for world in worlds], impressions),
    }
