"""A small world with known additive effects, and packed logs drawn from it."""

import numpy as np
import tensorflow as tf

from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch

ADS, CANDIDATES = 12, (4, 3)
TABLES = FeatureTables(
    ids={'user_id': 4, 'ad_id': ADS},
    numbers=(),
    terms={},
    components={'title': ADS * CANDIDATES[0], 'image': ADS * CANDIDATES[1]},
    frequent=0,
    subwords={},
    ad='ad_id',
    max_candidates=4,
)


class World:
    """Every ad has four titles and three images of its own; logits of the CTR add up.

    Args:
        seed: of the effects.
        spread: standard deviation of the effects of elements.
    """

    def __init__(self, seed: int = 0, spread: float = 0.5):
        rng = np.random.default_rng(seed)
        self.effects = [rng.normal(0, spread, [ADS, n]) for n in CANDIDATES]
        self.ad = rng.normal(-2, 0.3, ADS)

    @property
    def best(self) -> np.ndarray:
        """Best combination of each ad, int64 [ADS, 2]."""
        return np.stack([effects.argmax(1) for effects in self.effects], 1)

    def log(self, rows: int, seed: int = 0, batch_size: int = 512) -> list[Batch]:
        """Impressions under the uniform policy."""
        rng = np.random.default_rng(seed)
        ad = rng.integers(ADS, size=rows)
        shown = np.stack([rng.integers(n, size=rows) for n in CANDIDATES], 1)
        logit = self.ad[ad] + sum(effects[ad, shown[:, j]] for j, effects in enumerate(self.effects))
        click = rng.random(rows) < 1 / (1 + np.exp(-logit))
        return [
            batch_of(ad[i : i + batch_size], shown[i : i + batch_size], click[i : i + batch_size])
            for i in range(0, rows, batch_size)
        ]


def batch_of(ad, shown, click, weight=None) -> Batch:
    """Packed rows of ads int [B] that showed int [B, 2] and were clicked or not, with weights."""
    ad, shown = np.asarray(ad), np.asarray(shown)
    titles, images = CANDIDATES
    elements = np.concatenate(
        [
            ad[:, None] * titles + np.arange(titles),
            ADS * titles + ad[:, None] * images + np.arange(images),
        ],
        1,
    )
    values = {
        'context_ids': np.stack([np.zeros_like(ad), TABLES.ids['user_id'] + ad], 1),
        'counts': np.tile(np.array(CANDIDATES, np.int32), [len(ad), 1]),
        'elements': elements.ravel(),
        'shown': shown.astype(np.int64),
        'click': np.asarray(click, np.float32),
        'weight': np.ones(len(ad), np.float32) if weight is None else np.asarray(weight, np.float32),
    }
    return {name: tf.constant(value) for name, value in values.items()}


def all_ads() -> Batch:
    """A request for each ad."""
    batch = batch_of(np.arange(ADS), np.zeros([ADS, 2]), np.zeros(ADS))
    return {name: batch[name] for name in ('context_ids', 'counts', 'elements')}
