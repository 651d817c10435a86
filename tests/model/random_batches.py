"""Random packed batches of a small tables, for tests of the model alone."""

import numpy as np
import tensorflow as tf

from model.features.feature_tables import FeatureTables, offsets
from model.features.packed_batch import Batch

TABLES = FeatureTables(
    ids={'user_id': 16, 'ad_id': 8},
    numbers=('price',),
    terms={'query_terms': 8},
    components={'title': 32, 'image': 16, 'badge': 8},
    frequent=0,
    subwords={},
    ad='ad_id',
    max_candidates=5,
    categories=('user_id',),
)


def random_batch(rng: np.random.Generator, ads: int = 24, tables: FeatureTables = TABLES) -> Batch:
    """A batch with absent components, ads of one component and components of one candidate."""
    components = len(tables.components)
    counts = rng.integers(0, tables.max_candidates + 1, [ads, components]).astype(np.int32)
    counts[counts.sum(1) == 0, 0] = 1
    counts[0] = [1] + [0] * (components - 1)
    first = list(offsets(tables.components).values())
    rows = [
        first[j] + rng.integers(size, size=counts[i, j])
        for i in range(ads)
        for j, size in enumerate(tables.components.values())
    ]
    ids = [first + rng.integers(tables.ids[name], size=ads) for name, first in offsets(tables.ids).items()]
    terms = rng.integers(0, 3, [ads, 1]).astype(np.int32)
    shown = np.where(counts > 0, (rng.random(counts.shape) * counts).astype(np.int64), -1)
    values = {
        'context_ids': np.stack(ids, 1),
        'numbers': rng.normal(size=[ads, 1]).astype(np.float32),
        'terms': sum(tables.ids.values()) + rng.integers(8, size=terms.sum()),
        'term_counts': terms,
        'counts': counts,
        'elements': np.concatenate(rows).astype(np.int64),
        'shown': shown,
        'propensity': np.where(counts > 0, 1 / np.maximum(counts, 1), 1).astype(np.float32),
        'click': (rng.random(ads) < 0.3).astype(np.float32),
        'weight': rng.choice([1.0, 2.0, 0.5], ads).astype(np.float32),
        'chosen_by_genco': (rng.random(ads) < 0.2).astype(np.float32),
        'timestamp': np.arange(ads),
    }
    return {name: tf.constant(value) for name, value in values.items()}
