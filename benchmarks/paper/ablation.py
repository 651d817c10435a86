"""Table 3: the effect of removing parts of GenCO."""

from collections.abc import Mapping

import numpy as np

from benchmarks.common.comparison import interval_row
from benchmarks.common.genco_policies import GENCO, genco_policies
from benchmarks.common.packed_logs import dataset
from benchmarks.common.simulated import NextDay, next_day
from benchmarks.common.statistics import mean_interval, paired_difference
from benchmarks.common.workers import results_of
from benchmarks.common.worlds import Density, world_of
from model.config import GencoConfig
from model.training.train import train

_DENSITY = Density(100, 1500)
_QUICK_DENSITY = Density(100, 200)
FULL = 'full'
COMBINATION = 'combination'

_WITHOUT_MIL = {'training': {'combination_loss': 0.0}}
_WITHOUT_RL = {'training': {'rl_loss': 0.0}}
_WITHOUT_CONTEXT = {'model': {'attention': False}}
VARIANTS: Mapping[str, Mapping[str, Mapping]] = {
    FULL: {},
    'without_mil': _WITHOUT_MIL,
    'without_rl': _WITHOUT_RL,
    'without_context': _WITHOUT_CONTEXT,
    'without_additive': {'model': {'additive': False}},
    'without_all': {'training': _WITHOUT_MIL['training'] | _WITHOUT_RL['training'], **_WITHOUT_CONTEXT},
}


def run(quick: bool, seed: int = 1) -> dict:
    """Trains each variant on the same simulated worlds, one per seed.

    Without MIL, no combination is scored in training: each shown element alone predicts the click, and there
    is no second stage. Without RL, there is no policy gradient. Without context, there is no cross-component
    attention. Without all, none of the three is present. Without additive, the model has no additive effects
    of elements besides the network.

    The figures for `combination` refer to the choice in all components. Those for a component refer to
    choosing it alone while the others are uniformly random, as in the component-level sCTR, but they use the
    true CTR.

    Args:
        quick: Whether to use small logs of two worlds.
        seed: The seed of the first world.

    Returns:
        rows: Per variant and component, the lift over uniform choice with its 95 % interval over seeds. All
            variants but the full model have `change`, their CTR divided by that of the full model minus 1,
            with change_low, change_high and p, paired by seed, and `noise`, whether the interval of the
            change contains 0.
        seeds: The seeds of the worlds.
    """
    density, seeds, requests = (_QUICK_DENSITY, 2, 1000) if quick else (_DENSITY, 6, 4000)
    tasks = [(density, world, requests) for world in range(seed, seed + seeds)]
    worlds = results_of(measure, tasks, parallel=not quick)
    rows = [_row(variant, component, worlds) for variant in VARIANTS for component in worlds[0][variant]]
    return {'rows': rows, 'seeds': list(range(seed, seed + seeds))}


def measure(density: Density, seed: int, requests: int) -> dict[str, dict[str, float]]:
    """The ratio of CTR to that of uniform choice in one world, per variant and component."""
    simulated = world_of(density, seed)
    config = GencoConfig(log_schema=simulated.log_schema())
    day = next_day(simulated, requests, config.training.batch_size)
    return {name: _ratios(day, changed(config, changes)) for name, changes in VARIANTS.items()}


def changed(config: GencoConfig, changes: Mapping[str, Mapping]) -> GencoConfig:
    """Replaces values of a configuration, given by section and key."""
    sections = {name: getattr(config, name).model_copy(update=values) for name, values in changes.items()}
    return config.model_copy(update=sections)


def _ratios(day: NextDay, config: GencoConfig) -> dict[str, float]:
    model = train(day.tables, config, dataset(day.train))
    has_second_stage = config.training.combination_loss > 0
    choice = day.requests.choice_of(genco_policies(model)[GENCO if has_second_stage else 'f_ele'])
    chosen, none = day.requests.component_ctr(choice)
    ratios = dict(zip(day.tables.components, (chosen.mean(0) / none.mean()).tolist()))
    return ratios | {COMBINATION: 1 + day.requests.figures(choice)['lift']}


def _row(variant: str, component: str, worlds: list[dict[str, dict[str, float]]]) -> dict:
    ours, full = (np.array([world[name][component] for world in worlds]) for name in (variant, FULL))
    row = {'variant': variant, 'component': component, **interval_row(mean_interval(ours - 1))}
    if variant == FULL:
        return row
    change = paired_difference(ours / full, np.ones_like(full))
    noise = bool(change.low <= 0 <= change.high)
    return row | interval_row(change, 'change', 'change_') | {'p': change.p, 'noise': noise}
