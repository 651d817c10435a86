"""CatBoost on the same features as GenCO; needs the extra `peers`."""

from collections.abc import Iterable
from importlib.util import find_spec

import numpy as np
import pandas as pd

from creative_logs.schema import CLICK, WEIGHT
from model.baselines.search import best_combinations
from model.baselines.shown_elements import element_rows
from model.features import packed_batch as keys
from model.features.feature_tables import Layout
from model.features.packed_batch import Batch

# Two ids together at most: what an element is worth in general, in an ad, and beside another one.
_OPTIONS = {'iterations': 200, 'learning_rate': 0.1, 'depth': 6, 'max_ctr_complexity': 2, 'has_time': True}


def installed() -> bool:
    """Whether CatBoost is there; it is not among the requirements."""
    return find_spec('catboost') is not None


class GradientBoostedTrees:
    """Boosted trees of the logistic loss over ids of the request and of the shown elements.

    CatBoost replaces an id, or a pair of ids, by the click rate of the impressions before this one
    (Prokhorenkova et al. 2018), so no impression's own click leaks into its features. Terms of queries
    are left out: a tree splits on one value per feature.

    Args:
        layout: of the batches.
        seed: of what is random in the trees.
    """

    def __init__(self, layout: Layout, seed: int = 1):
        from catboost import CatBoostClassifier

        self._layout = layout
        self._ids = [*layout.ids, *layout.components]
        self._trees = CatBoostClassifier(
            **_OPTIONS, random_seed=seed, cat_features=self._ids, verbose=False, allow_writing_files=False
        )

    def fit(self, data: Iterable[Batch]) -> None:
        parts = [
            (self._features(batch, np.asarray(batch[keys.SHOWN])[:, None]), batch[CLICK], batch[WEIGHT])
            for batch in data
        ]
        features, click, weight = zip(*parts, strict=True)
        self._trees.fit(pd.concat(features), np.concatenate(click), sample_weight=np.concatenate(weight))

    def score_combinations(self, batch: Batch, combinations: np.ndarray) -> np.ndarray:
        logits = self._trees.predict(self._features(batch, combinations), prediction_type='RawFormulaVal')
        return logits.reshape(combinations.shape[:2])

    def choose(self, batch: Batch) -> np.ndarray:
        """The best combination (see `search.best_combinations`)."""
        return best_combinations(self, batch)

    def _features(self, batch: Batch, combinations: np.ndarray) -> pd.DataFrame:
        """A row per combination of [B, K, M]."""
        ids = np.repeat(np.asarray(batch[keys.CONTEXT_IDS]), combinations.shape[1], 0)
        elements = element_rows(batch, combinations).reshape(-1, combinations.shape[2])
        features = pd.DataFrame(np.concatenate([ids, elements], 1), columns=self._ids)
        if keys.NUMBERS in batch:
            numbers = np.repeat(np.asarray(batch[keys.NUMBERS]), combinations.shape[1], 0)
            features[list(self._layout.numbers)] = numbers
        return features
