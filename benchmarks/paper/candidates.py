"""Table 4: GenCO's lift by number of candidates."""

import numpy as np

from benchmarks.common.comparison import interval_row
from benchmarks.common.genco_policies import genco_policies
from benchmarks.common.packed_logs import dataset
from benchmarks.common.simulated import next_day
from benchmarks.common.statistics import mean_interval
from benchmarks.common.workers import results_of
from benchmarks.common.worlds import Density, world_of
from model.config import GencoConfig
from model.training.train import train

_DENSITY = Density(100, 1500)
_QUICK_DENSITY = Density(200, 200)
_FEWEST = 20
# Table 4 has two sets of brackets; a bracket is its first and last number of candidates.
_FEW = ((1, 2), (3, 5), (6, 15))
_MANY = ((1, 3), (4, 8), (9, 15))
BRACKETS = {
    'title': _FEW,
    'image': _FEW,
    'marketing': _FEW,
    'highlight': _MANY,
    'attribute': _MANY,
    'structure_attribute': _MANY,
}

Lifts = dict[tuple[str, tuple[int, int]], tuple[int, float]]


def run(quick: bool, seed: int = 1) -> dict:
    """Trains GenCO on simulated worlds, one per seed, and measures the lift of each component.

    GenCO chooses one component with both stages while the others are uniformly random, as in the
    component-level sCTR, but the figures use the true CTR.

    Args:
        quick: Whether to use small logs of two worlds.
        seed: The seed of the first world.

    Returns:
        rows: Per component and bracket of Table 4, `from` ... `to` candidates, the lift over uniform choice
            with its 95 % interval over seeds, and the mean number of requests per seed. Brackets with fewer
            than 20 requests in a world are left out. The lowest brackets include ads with one candidate.
        seeds: The seeds of the worlds.
    """
    density, seeds, requests = (_QUICK_DENSITY, 2, 2000) if quick else (_DENSITY, 6, 8000)
    tasks = [(density, world, requests) for world in range(seed, seed + seeds)]
    worlds = results_of(measure, tasks, parallel=not quick)
    known = [key for key in worlds[0] if all(world.get(key, (0,))[0] >= _FEWEST for world in worlds)]
    return {'rows': [_row(*key, worlds) for key in known], 'seeds': list(range(seed, seed + seeds))}


def measure(density: Density, seed: int, requests: int) -> Lifts:
    """The number of requests and the lift in one world, by component and bracket."""
    simulated = world_of(density, seed)
    config = GencoConfig(log_schema=simulated.log_schema())
    day = next_day(simulated, requests, config.training.batch_size)
    policy = genco_policies(train(day.tables, config, dataset(day.train)))['genco']
    chosen, none = day.requests.component_ctr(day.requests.choice_of(policy))
    lifts = {}
    for j, (component, brackets) in enumerate(BRACKETS.items()):
        for low, high in brackets:
            here = (day.requests.counts[:, j] >= low) & (day.requests.counts[:, j] <= high)
            if here.any():
                lifts[component, (low, high)] = int(here.sum()), chosen[here, j].sum() / none[here].sum() - 1
    return lifts


def _row(component: str, bracket: tuple[int, int], worlds: list[Lifts]) -> dict:
    requests, lifts = np.array([world[component, bracket] for world in worlds]).T
    where = {'component': component, 'from': bracket[0], 'to': bracket[1]}
    return where | interval_row(mean_interval(lifts)) | {'requests': float(requests.mean())}
