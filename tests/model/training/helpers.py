"""Small random batches of impressions that the tests of training share."""

import numpy as np

from model.features.feature_tables import FeatureTables
from model.training.training_impressions import TrainingImpressions

ADS, ELEMENTS, SUBWORDS, COMBINATIONS = 4, 9, 5, 8


def tables(subwords: int = SUBWORDS) -> FeatureTables:
    return FeatureTables(
        ids={'ad_id': ADS},
        numbers=(),
        terms={},
        components={'title': 4, 'image': 4},
        frequent=ELEMENTS - 8,
        subwords={'title': subwords} if subwords else {},
        ad='ad_id',
        max_candidates=3,
    )


def batch(rng: np.random.Generator, ads: int, subwords: bool = True) -> dict[str, np.ndarray]:
    """Packed ads: one to three titles, none to two images; titles of one to three subwords."""
    counts = np.stack([rng.integers(1, 4, ads), rng.integers(0, 3, ads)], 1).astype(np.int32)
    elements = [rng.permutation(4)[:n] + 4 * j for row in counts for j, n in enumerate(row)]
    per_element = [rng.integers(1, 4, n) * (j == 0) for row in counts for j, n in enumerate(row)]
    lengths = np.concatenate(per_element).astype(np.int32)
    found = {
        'ad': rng.integers(0, ADS - 1, ads),
        'combination': rng.integers(0, COMBINATIONS - 1, ads),
        'offset': rng.normal(0, 0.3, ads).astype(np.float32),
        'click': (rng.random(ads) < 0.3).astype(np.float32),
        'weight': rng.integers(1, 4, ads).astype(np.float32),
        'chosen_by_genco': (rng.random(ads) < 0.2).astype(np.float32),
        'shown': np.where(counts > 0, (rng.random(counts.shape) * counts).astype(int), -1),
        'counts': counts,
        'elements': np.concatenate(elements),
    }
    if subwords:
        found |= {'subwords': rng.integers(0, SUBWORDS, lengths.sum()), 'subwords_per_element': lengths}
    return found


def collected(batches: list[dict], limit: int = 1000, subwords: int = SUBWORDS) -> TrainingImpressions:
    evidence = TrainingImpressions(tables(subwords), limit)
    for each in batches:
        evidence.add(**each)
    return evidence
