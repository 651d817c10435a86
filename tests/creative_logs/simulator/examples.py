"""Small simulated worlds and what the tests read from their logs."""

import numpy as np
import pyarrow as pa

from creative_logs.simulator.config import SimulatedComponent, SimulatorConfig
from creative_logs.simulator.generate import Generator
from creative_logs.simulator.truth import Truth
from creative_logs.simulator.world import World
from creative_logs.simulator.write import calibrate


def small_config(**changes) -> SimulatorConfig:
    """Three components, few candidates, strong effects: every combination can be enumerated."""
    values = {
        'ads': 12,
        'users': 100,
        'days': 2,
        'rows': 100,
        'element_effect_std': 0.5,
        'taste_std': 0.4,
        'synergy_std': 0.5,
        'components': (
            SimulatedComponent(name='title', candidates=3, ads_per_element=1.5),
            SimulatedComponent(name='image', candidates=4, ads_per_element=1.5),
            SimulatedComponent(name='badge_text', coverage=0.5, candidates=2, ads_per_element=1.5),
        ),
        'importance': {'phone': (1, 2, 1), 'wine': (1, 1, 1)},
        'max_candidates': 6,
    }
    return SimulatorConfig(**(values | changes))


def simulated(config: SimulatorConfig, split: str, day: int = 0) -> tuple[Truth, pa.RecordBatch]:
    """The truth and the rows of the first chunk of a day's split."""
    world = World(config, calibrate(config))
    return Truth(world), Generator(world).chunk(day, split, 0)


def shown(rows: pa.RecordBatch, config: SimulatorConfig) -> np.ndarray:
    """Shown index per row and component: int64[R, M]."""
    return np.stack([rows[c.shown].to_numpy() for c in config.log_schema().components], axis=1)


def lengths(rows: pa.RecordBatch, config: SimulatorConfig) -> np.ndarray:
    """Number of candidates per row and component: int64[R, M]."""
    lists = [rows[c.candidates].to_pylist() for c in config.log_schema().components]
    return np.array([[len(ids) for ids in column] for column in lists]).T
