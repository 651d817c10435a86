"""Table 2: a simulated online A/B test in which each policy learns from its own traffic."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.common.climb import Climbing
from benchmarks.common.comparison import differences, interval_row, policy_rows
from benchmarks.common.genco_policies import (
    GENCO,
    GENCO_CONTENT,
    GENCO_THOMPSON,
    genco_policies,
    thompson_policy,
)
from benchmarks.common.packed_logs import dataset
from benchmarks.common.statistics import mean_interval
from benchmarks.common.workers import results_of
from benchmarks.paper.closed_loop import Traffic, expected, serve, traffic
from benchmarks.paper.linear_thompson import LinearThompson
from creative_logs.simulator.config import SimulatorConfig
from model.baselines import DynamicCreativeOptimization, MultiLayerPerceptron, OnlineBayes, Policy, Uniform
from model.config import GencoConfig
from model.content.element_contents import Catalogue
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch
from model.network.genco import GenCO
from model.training.train import train

EXPLORATION = 0.1
GENCO_GREEDY, LINEAR_THOMPSON = 'genco_greedy', 'linear_thompson'
# Trains a policy on all logs so far; the last argument is the catalogue.
Teach = Callable[[FeatureTables, GencoConfig, Sequence[Batch], Catalogue | None], Policy]


class Arm(NamedTuple):
    """A policy of the test.

    Attributes:
        teach: The function that trains it.
        exploration: The share of its requests that are answered uniformly at random.
    """

    teach: Teach
    exploration: float = EXPLORATION


class Size(NamedTuple):
    """The size of the benchmark.

    Attributes:
        ads: The number of ads.
        impressions_per_day: The number of impressions per day.
        start_days: The days of production traffic before the test.
        days: The days of the test.
        seeds: The number of simulated worlds.
    """

    ads: int
    impressions_per_day: int
    start_days: int
    days: int
    seeds: int


_FULL = Size(ads=250, impressions_per_day=5000, start_days=4, days=14, seeds=5)
_QUICK = Size(ads=60, impressions_per_day=1500, start_days=2, days=2, seeds=2)


def run(quick: bool, seed: int = 1, days: int | None = None, catalogue: bool = False) -> dict:
    """Simulates the A/B test.

    Every policy starts from the same days of production traffic. After that, each policy serves the same
    requests as the others, day by day; a tenth of them are answered uniformly at random. Its clicks are drawn
    from the true CTRs and logged with propensities, and every night it is trained from scratch on all its
    logs. Every day 3 % of the elements are replaced by new ones. A click earns the bid of its ad, which is
    lognormal with a standard deviation of 0.5 of its logarithm.

    Three policies have no uniform share: `genco_thompson` and `linear_thompson` explore by drawing the effects of
    elements from their posterior for every request, and `genco_greedy` does not explore.

    Args:
        quick: Whether to run a small test of two days in two worlds.
        seed: The seed of the first world.
        days: The days of the test; None for 14, or 2 in the small test.
        catalogue: Whether there is a catalogue. GenCO is then in the test twice: without it, and with it as
            `genco_content`, whose lead over all others is in `differences` too.

    Returns:
        rows: Per policy, over all days of the test, the mean true CTR and revenue per 1,000 impressions (rpm)
            of the shown combinations, including exploration, and the lift of both over uniform choice on the
            same requests, with 95 % intervals over seeds.
        differences: GenCO's CTR lift minus each peer's, paired by seed, and that of `genco_thompson`.
        daily: The CTR lift per policy and day.
        exploration: The share of the requests that each policy answers uniformly at random.
        catalogue: Whether there is a catalogue.
        The fields of `Size`, with the list of seeds as `seeds`.
    """
    size = _QUICK if quick else _FULL
    size = size if days is None else size._replace(days=days)
    seeds = list(range(seed, seed + size.seeds))
    policies, leading = list(arms(catalogue)), [GENCO_CONTENT] * catalogue + [GENCO, GENCO_THOMPSON]
    costly_first = list(reversed(policies))
    tasks = [(size, world, policy) for policy in costly_first for world in seeds]
    measured = iter(results_of(measure, tasks, parallel=not quick))
    lives = {policy: [next(measured) for _ in seeds] for policy in costly_first}
    worlds = [{policy: lives[policy][place] for policy in policies} for place in range(len(seeds))]
    totals = [{policy: _total(days) for policy, days in world.items()} for world in worlds]
    return {
        'rows': policy_rows(totals, 'lift'),
        'differences': [row for policy in leading for row in differences(totals, 'lift', policy)],
        'daily': _daily(worlds),
        'exploration': {policy: arm.exploration for policy, arm in arms(catalogue).items()},
        'catalogue': catalogue,
        **(size._asdict() | {'seeds': seeds}),
    }


def arms(catalogue: bool = False) -> dict[str, Arm]:
    """The policies of the test by name.

    Args:
        catalogue: Whether a policy that reads the catalogue is among them.
    """
    genco = {name: partial(_teach_genco, partial(_stage, name)) for name in ('f_ele', 'f_comb', GENCO)}
    return {
        'uniform': Arm(lambda tables, config, log, catalogue: Uniform()),
        'dco': Arm(lambda tables, config, log, catalogue: _taught(DynamicCreativeOptimization(tables), log)),
        'mlp': Arm(
            lambda tables, config, log, catalogue: Climbing(_taught(MultiLayerPerceptron(tables), log))
        ),
        'online_bayes': Arm(lambda tables, config, log, catalogue: _taught(OnlineBayes(tables), log)),
        LINEAR_THOMPSON: Arm(
            lambda tables, config, log, catalogue: _taught(LinearThompson(tables), log), 0.0
        ),
        **{name: Arm(teach) for name, teach in genco.items()},
        GENCO_GREEDY: Arm(genco[GENCO], 0.0),
        GENCO_THOMPSON: Arm(partial(_teach_genco, thompson_policy), 0.0),
        **({GENCO_CONTENT: Arm(genco[GENCO])} if catalogue else {}),
    }


def measure(size: Size, seed: int, policy: str) -> list[dict[str, float]]:
    """CTR and rpm of a policy and of uniform choice in one world, per day of the test."""
    days = size.start_days + size.days
    simulated = SimulatorConfig(seed=seed, ads=size.ads, rows=size.impressions_per_day, days=days)
    reads = policy == GENCO_CONTENT
    config = GencoConfig(log_schema=simulated.log_schema(reads))
    world = traffic(simulated, size.start_days, config.training.batch_size, reads)
    return _live(world, config, arms(reads)[policy])


def _live(world: Traffic, config: GencoConfig, arm: Arm) -> list[dict[str, float]]:
    log, figures = list(world.start), []
    for day in world.days:
        policy = arm.teach(world.tables, config, log, world.catalogue)
        served, figure = serve(day, policy, arm.exploration)
        log += served
        uniform = expected(day, day.requests.uniform_ctr)
        figures.append(figure | {f'uniform_{name}': value for name, value in uniform.items()})
    return figures


def _taught(policy: Policy, log: Sequence[Batch]) -> Policy:
    policy.fit(log)
    return policy


def _stage(name: str, model: GenCO) -> Policy:
    return genco_policies(model)[name]


def _teach_genco(
    policy_of: Callable[[GenCO], Any],
    tables: FeatureTables,
    config: GencoConfig,
    log: Sequence[Batch],
    catalogue: Catalogue | None,
) -> Policy:
    return policy_of(train(tables, config, dataset(log), catalogue=catalogue))


def _total(days: list[dict[str, float]]) -> dict[str, float]:
    """The figures over all days, which have the same number of requests."""
    ctr, rpm, uniform_ctr, uniform_rpm = (
        float(np.mean([day[name] for day in days])) for name in ('ctr', 'rpm', 'uniform_ctr', 'uniform_rpm')
    )
    return {'lift': ctr / uniform_ctr - 1, 'rpm_lift': rpm / uniform_rpm - 1, 'ctr': ctr, 'rpm': rpm}


def _daily(worlds: list[dict[str, list[dict[str, float]]]]) -> list[dict]:
    rows = []
    for policy in worlds[0]:
        for day in range(len(worlds[0][policy])):
            figures = [world[policy][day] for world in worlds]
            lift = mean_interval(np.array([figure['ctr'] / figure['uniform_ctr'] - 1 for figure in figures]))
            rows.append({'policy': policy, 'day': day + 1, **interval_row(lift)})
    return rows
