"""Which simulated worlds a benchmark measures in: their density, seeds, properties and catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from creative_logs.errors import InputError
from creative_logs.simulator.config import SimulatorConfig

_TRAINING_DAYS = 8


class Density(NamedTuple):
    """The density of a simulated log.

    The fewer impressions an ad has, the more ads are needed to resolve differences between policies.

    Attributes:
        impressions_per_ad: The mean number of training impressions per ad.
        ads: The number of ads.
    """

    impressions_per_ad: int
    ads: int


@dataclass(frozen=True)
class Worlds:
    """The worlds of a benchmark, one per seed and density.

    Attributes:
        densities: The densities.
        seeds: The seeds.
        properties: Further properties of the worlds (`creative_logs.simulator.config.SimulatorConfig`).
        catalogue: Whether there is a catalogue.
    """

    densities: tuple[Density, ...]
    seeds: tuple[int, ...]
    properties: Mapping[str, Any] = field(default_factory=dict)
    catalogue: bool = False

    @classmethod
    def asked_for(
        cls,
        densities: Sequence[Density],
        number: int,
        seed: int,
        ads: int | None,
        impressions: int | None,
        seeds: int | None,
        properties: Mapping[str, Any] | None,
        catalogue: bool,
    ) -> 'Worlds':
        """The default worlds of a benchmark with what the user asked for instead.

        Args:
            densities, number: The default densities and the default number of seeds.
            seed: The first seed.
            ads: The number of ads of every world. If None, that of the densities.
            impressions: The mean number of training impressions per ad. There is then one density, with the
                number of ads of the default density that is nearest to it. If None, all densities are used.
            seeds: The number of seeds. If None, the default number.
            properties: Further properties of the worlds.
            catalogue: Whether there is a catalogue.
        """
        wanted = list(densities)
        if impressions is not None:
            nearest = min(wanted, key=lambda density: _ratio(density.impressions_per_ad, impressions))
            wanted = [nearest._replace(impressions_per_ad=impressions)]
        if ads is not None:
            wanted = [density._replace(ads=ads) for density in wanted]
        last = seed + (number if seeds is None else seeds)
        return cls(tuple(wanted), tuple(range(seed, last)), dict(properties or {}), catalogue)

    def config(self, density: Density, seed: int) -> SimulatorConfig:
        """The configuration of one world."""
        return world_of(density, seed, self.properties)

    def described(self) -> dict[str, Any]:
        """The seeds, the properties that were set, and whether there is a catalogue."""
        return {'seeds': list(self.seeds), 'properties': dict(self.properties), 'catalogue': self.catalogue}


def world_of(density: Density, seed: int, properties: Mapping[str, Any] | None = None) -> SimulatorConfig:
    """Configures a world whose production traffic on all days but the last has the given density.

    Args:
        density: The density.
        seed: The seed of the world.
        properties: Further properties of the world.

    Raises:
        InputError: The world has only one day, so that none is left for training.
    """
    values = {'days': _TRAINING_DAYS + 1, **(properties or {}), 'seed': seed, 'ads': density.ads}
    config = SimulatorConfig.model_validate(values)
    if config.days < 2:
        raise InputError(f'days must be at least 2, of which the last is for testing: got {config.days}')
    impressions = density.ads * density.impressions_per_ad / (config.days - 1)
    return config.model_copy(update={'rows': max(round(impressions / (1 - config.test_share)), 2)})


def _ratio(one: float, other: float) -> float:
    return max(one / other, other / one)
