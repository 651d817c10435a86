"""The best combination under a score that is not a sum over elements."""

import numpy as np

from model.baselines.policy import Policy
from model.features import packed_batch as keys
from model.features.packed_batch import Batch

_BEAM = 64
_SWEEPS = 2


def best_combinations(policy: Policy, batch: Batch) -> np.ndarray:
    """Beam search by coordinates, int64 [B, M].

    It starts from the first candidates. Component by component, each combination of the beam is tried
    with every candidate there, and the best 64 are kept. That is every combination of an ad that has at
    most 64, and a local search of the others: two sweeps, so that early components are chosen in the
    light of the later ones.

    Args:
        policy: gives the scores.
        batch: B ads.
    """
    counts = np.asarray(batch[keys.COUNTS]).astype(np.int64)
    beam = np.where(counts > 0, 0, -1)[:, None]
    sweeps = 1 if counts.clip(1).prod(1).max() <= _BEAM else _SWEEPS
    for component in list(range(counts.shape[1])) * sweeps:
        beam = _widen(policy, batch, beam, counts[:, component], component)
    return beam[:, 0]


def _widen(policy: Policy, batch: Batch, beam: np.ndarray, counts: np.ndarray, component: int) -> np.ndarray:
    """The best of the beam [B, W, M] with every candidate of one component, best first."""
    candidates = max(counts.max(), 1)
    wide = np.repeat(beam[:, :, None], candidates, 2)
    tried = np.arange(candidates)
    # Beyond an ad's candidates its last one is tried again, a duplicate that is then left out.
    wide[..., component] = np.minimum(tried, counts[:, None] - 1)[:, None]
    wide = wide.reshape(len(beam), -1, beam.shape[2])
    scores = np.where(_duplicates(wide), -np.inf, policy.score_combinations(batch, wide))
    order = np.argsort(-scores, 1, kind='stable')[:, :_BEAM]
    return np.take_along_axis(wide, order[..., None], 1)


def _duplicates(combinations: np.ndarray) -> np.ndarray:
    """Which of [B, W, M] equal an earlier one of the same ad, bool [B, W]."""
    found = np.ones(combinations.shape[:2], bool)
    factors = np.random.default_rng(0).integers(1, 1 << 62, combinations.shape[2])
    for ad, keys_of_ad in enumerate((combinations * factors).sum(2)):
        found[ad, np.unique(keys_of_ad, return_index=True)[1]] = False
    return found
