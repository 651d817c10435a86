"""Table 3: the effect of removing parts of GenCO."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.common.comparison import interval_row
from benchmarks.common.genco_policies import GENCO, genco_policies
from benchmarks.common.packed_logs import dataset
from benchmarks.common.simulated import NextDay, next_day
from benchmarks.common.statistics import mean_interval, paired_difference
from benchmarks.common.workers import results_of
from benchmarks.common.worlds import Density, Worlds
from creative_logs.simulator.config import SimulatorConfig
from model.config import GencoConfig
from model.training.train import train

_DENSITY = Density(100, 1500)
_QUICK_DENSITY = Density(100, 200)
FULL = 'full'
COMBINATION = 'combination'
WITHOUT_CATALOGUE = 'without_catalogue'
PHI_ALONE = 'phi_alone'

_ORACLE_SHARE = 'oracle_share'

_PHI_ALONE = {'phi': True, 'additive': False}
VARIANTS: Mapping[str, Mapping[str, Mapping]] = {
    FULL: {},
    'without_tastes': {'model': {'taste_dim': 0}},
    'without_synergies': {'model': {'synergy_dim': 0}},
    'without_importance': {'model': {'importance': False}},
    'with_phi': {'model': {'phi': True}},
    PHI_ALONE: {'model': _PHI_ALONE},
    f'{PHI_ALONE}_without_mil': {'model': _PHI_ALONE, 'training': {'combination_loss': 0.0}},
    f'{PHI_ALONE}_without_rl': {'model': _PHI_ALONE, 'training': {'rl_loss': 0.0}},
    f'{PHI_ALONE}_without_attention': {'model': _PHI_ALONE | {'attention': False}},
}


def run(
    quick: bool,
    seed: int = 1,
    ads: int | None = None,
    impressions: int | None = None,
    seeds: int | None = None,
    properties: Mapping[str, Any] | None = None,
    catalogue: bool = True,
) -> dict:
    """Trains each variant on the same simulated worlds, one per seed.

    Tastes, synergies and the importance of components are parts of the fitted effects. Phi, the network of the paper,
    is beside these effects (`with_phi`) or in their place (`phi_alone`). Without MIL, no combination is scored in
    training: each shown element alone predicts the click, and there is no second stage. Without RL, there is no
    policy gradient. With a catalogue, all variants read it but one more, without catalogue.

    The figures for `combination` refer to the choice in all components. Those for a component refer to
    choosing it alone while the others are uniformly random, as in the component-level sCTR, but they use the
    true CTR.

    Args:
        quick: Whether to use small logs of two worlds.
        seed: The seed of the first world.
        ads, impressions, seeds, properties, catalogue: The worlds (see
            `benchmarks.common.worlds.Worlds.asked_for`).

    Returns:
        rows: Per variant and component, the lift over uniform choice with its 95 % interval over seeds. All
            variants but the full model have `change`, their CTR divided by that of the full model minus 1,
            with change_low, change_high and p, paired by seed, and `noise`, whether the interval of the
            change contains 0. The rows for `combination` have `oracle_share`, the share of the lift of the
            best combination, with its interval.
        seeds, properties, catalogue: The worlds.
        impressions_per_ad, ads: The density of the worlds.
        requests: The number of requests per world.
    """
    density, number, requests = (_QUICK_DENSITY, 2, 1000) if quick else (_DENSITY, 6, 4000)
    worlds = Worlds.asked_for([density], number, seed, ads, impressions, seeds, properties, catalogue)
    (density,) = worlds.densities
    tasks = [(worlds.config(density, world), requests, worlds.catalogue) for world in worlds.seeds]
    measured = results_of(measure, tasks, parallel=not quick)
    rows = [
        _row(variant, component, measured)
        for variant, components in measured[0].items()
        for component in components
        if component != _ORACLE_SHARE
    ]
    return {'rows': rows, **worlds.described(), **density._asdict(), 'requests': requests}


def measure(simulated: SimulatorConfig, requests: int, catalogue: bool) -> dict[str, dict[str, float]]:
    """The ratio of CTR to that of uniform choice in one world, per variant and component.

    Args:
        simulated: The world.
        requests: The number of requests.
        catalogue: Whether there is a catalogue.

    Returns:
        The ratios; each variant also has `oracle_share`.
    """
    config = GencoConfig(log_schema=simulated.log_schema(catalogue))
    day = next_day(simulated, requests, config.training.batch_size, catalogue)
    found = {name: _ratios(day, changed(config, changes)) for name, changes in VARIANTS.items()}
    return found | ({WITHOUT_CATALOGUE: _ratios(day.without_catalogue(), config)} if catalogue else {})


def changed(config: GencoConfig, changes: Mapping[str, Mapping]) -> GencoConfig:
    """Replaces values of a configuration, given by section and key."""
    sections = {name: getattr(config, name).model_copy(update=values) for name, values in changes.items()}
    return config.model_copy(update=sections)


def _ratios(day: NextDay, config: GencoConfig) -> dict[str, float]:
    model = train(day.tables, config, dataset(day.train), catalogue=day.catalogue)
    has_second_stage = config.training.combination_loss > 0
    choice = day.requests.choice_of(genco_policies(model)[GENCO if has_second_stage else 'f_ele'])
    chosen, none = day.requests.component_ctr(choice)
    ratios = dict(zip(day.tables.components, (chosen.mean(0) / none.mean()).tolist()))
    figures = day.requests.figures(choice)
    return ratios | {COMBINATION: 1 + figures['lift'], _ORACLE_SHARE: figures['oracle_share']}


def _row(variant: str, component: str, worlds: list[dict[str, dict[str, float]]]) -> dict:
    ours, full = (np.array([world[name][component] for world in worlds]) for name in (variant, FULL))
    row = {'variant': variant, 'component': component, **interval_row(mean_interval(ours - 1))}
    if component == COMBINATION:
        shares = np.array([world[variant][_ORACLE_SHARE] for world in worlds])
        row |= interval_row(mean_interval(shares), _ORACLE_SHARE, f'{_ORACLE_SHARE}_')
    if variant == FULL:
        return row
    change = paired_difference(ours / full, np.ones_like(full))
    noise = bool(change.low <= 0 <= change.high)
    return row | interval_row(change, 'change', 'change_') | {'p': change.p, 'noise': noise}
