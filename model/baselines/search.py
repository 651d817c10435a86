"""Searches for the best combination under a score that is not a sum over elements."""

import numpy as np

from model.baselines.policy import Policy
from model.features import packed_batch as keys
from model.features.packed_batch import Batch

_BEAM = 64
_SWEEPS = 2


def best_combinations(policy: Policy, batch: Batch) -> np.ndarray:
    """Returns the best combinations found by a coordinate-wise beam search, int64 [B, M].

    The search starts from the first candidate of each component. Component by component, it tries every
    candidate in each combination of the beam and keeps the best 64. For an ad with at most 64 combinations
    this covers all of them. For other ads it is a local search with two sweeps, so that the choice for the
    early components takes the later ones into account.

    Args:
        policy: The policy that gives the scores.
        batch: A batch of B ads.
    """
    counts = np.asarray(batch[keys.COUNTS]).astype(np.int64)
    beam = np.where(counts > 0, 0, -1)[:, None]
    sweeps = 1 if counts.clip(1).prod(1).max() <= _BEAM else _SWEEPS
    for component in list(range(counts.shape[1])) * sweeps:
        beam = _widen(policy, batch, beam, counts[:, component], component)
    return beam[:, 0]


def _widen(policy: Policy, batch: Batch, beam: np.ndarray, counts: np.ndarray, component: int) -> np.ndarray:
    """Tries every candidate of one component in the beam [B, W, M] and returns the best ones, best first."""
    candidates = max(counts.max(), 1)
    wide = np.repeat(beam[:, :, None], candidates, 2)
    tried = np.arange(candidates)
    # An ad with fewer candidates repeats its last one; the duplicates are left out below.
    wide[..., component] = np.minimum(tried, counts[:, None] - 1)[:, None]
    wide = wide.reshape(len(beam), -1, beam.shape[2])
    scores = np.where(_duplicates(wide), -np.inf, policy.score_combinations(batch, wide))
    order = np.argsort(-scores, 1, kind='stable')[:, :_BEAM]
    return np.take_along_axis(wide, order[..., None], 1)


def _duplicates(combinations: np.ndarray) -> np.ndarray:
    """Returns whether each combination of [B, W, M] repeats an earlier one of the same ad, bool [B, W]."""
    found = np.ones(combinations.shape[:2], bool)
    factors = np.random.default_rng(0).integers(1, 1 << 62, combinations.shape[2])
    for ad, keys_of_ad in enumerate((combinations * factors).sum(2)):
        found[ad, np.unique(keys_of_ad, return_index=True)[1]] = False
    return found
