"""The closed loop of a policy: it serves a day, its clicks are logged, and it learns from its logs."""

from dataclasses import dataclass

import numpy as np

from benchmarks.common.packed_logs import pack_logs
from benchmarks.common.simulated import Requests, catalogue_of, day_log
from creative_logs.schema import TRAIN
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.truth import Truth
from creative_logs.simulator.world import World
from creative_logs.simulator.write import calibrate
from model.baselines.policy import Policy
from model.content.element_contents import Catalogue
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch

# The standard deviation of the logarithm of the bid of an ad; the mean bid is 1.
_BID_STD = 0.5


@dataclass(frozen=True)
class Day:
    """The requests of a day with random draws that are the same for every policy.

    Attributes:
        requests: The R requests.
        bid: The revenue of a click, float64 [R].
        chance: Uniform draws; a request is answered with `drawn` if its draw is below the share of exploration,
            float64 [R].
        drawn: Uniformly drawn combinations, int64 [R, M].
        luck: Uniform draws; a combination is clicked if the draw is below its true CTR, float64 [R].
    """

    requests: Requests
    bid: np.ndarray
    chance: np.ndarray
    drawn: np.ndarray
    luck: np.ndarray


@dataclass(frozen=True)
class Traffic:
    """The traffic of a simulated world.

    Attributes:
        tables: The feature tables of the batches.
        start: The packed batches of production traffic that every policy starts from.
        days: The days of the test.
        catalogue: The content of the elements, or None.
    """

    tables: FeatureTables
    start: list[Batch]
    days: list[Day]
    catalogue: Catalogue | None = None


def traffic(config: SimulatorConfig, start_days: int, batch_size: int, content: bool = False) -> Traffic:
    """Draws the traffic of a world.

    Args:
        config: The configuration of the world.
        start_days: The number of days at its start that have production traffic.
        batch_size: The batch size B.
        content: Whether there is a catalogue; the batches then hold the keys of the elements.
    """
    world = World(config, calibrate(config))
    logs = [day_log(world, day, TRAIN) for day in range(config.days)]
    schema = config.log_schema(content)
    tables, packed = pack_logs(logs, schema, batch_size)
    truth, random = Truth(world), np.random.default_rng(config.seed)
    bids = np.exp(random.normal(-(_BID_STD**2) / 2, _BID_STD, tables.context_rows))
    ad = list(tables.ids).index(tables.ad)
    days = []
    for log, batches in zip(logs[start_days:], packed[start_days:]):
        requests = Requests(truth, log, batches)
        ads = np.concatenate([batch[keys.CONTEXT_IDS][:, ad] for batch in batches])
        chance = random.random(len(ads))
        days.append(Day(requests, bids[ads], chance, requests.drawn(random), random.random(len(ads))))
    start = [batch for day in packed[:start_days] for batch in day]
    return Traffic(tables, start, days, catalogue_of(world, schema) if content else None)


def serve(day: Day, policy: Policy, exploration: float) -> tuple[list[Batch], dict[str, float]]:
    """Answers the requests of a day.

    A component with n candidates shows the policy's choice with probability 1 - exploration (n - 1) / n and
    each other candidate with probability exploration / n. These are the logged propensities: given the policy's
    own draws, if it makes any.

    Args:
        day: The requests.
        policy: The policy that answers them.
        exploration: The share of the requests that are answered uniformly at random.

    Returns:
        The packed log, and the figures of the day (see `expected`).
    """
    chosen = day.requests.choice_of(policy)
    shown = np.where(day.chance[:, None] < exploration, day.drawn, chosen)
    spread = exploration / np.maximum(day.requests.counts, 1)
    propensity = np.where(shown < 0, 1.0, spread + (1 - exploration) * (shown == chosen))
    ctr = day.requests.ctr(shown)
    return day.requests.served(shown, propensity, day.luck < ctr), expected(day, ctr)


def expected(day: Day, ctr: np.ndarray) -> dict[str, float]:
    """The expected figures of a day, free of the noise of drawn clicks.

    Args:
        day: The requests.
        ctr: The true CTR of each request, float64 [R].

    Returns:
        `ctr`, clicks per impression, and `rpm`, revenue per 1,000 impressions.
    """
    return {'ctr': float(ctr.mean()), 'rpm': float(1000 * (ctr * day.bid).mean())}
