"""CatBoost on the features of GenCO; it needs the extra `peers`."""

from collections.abc import Iterable
from importlib.util import find_spec

import numpy as np
import pandas as pd

from creative_logs.schema import CLICK, WEIGHT
from model.baselines.search import best_combinations
from model.baselines.shown_elements import element_rows
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch

# At most two ids are combined: the value of an element in general, in an ad, and beside another element.
_OPTIONS = {'iterations': 200, 'learning_rate': 0.1, 'depth': 6, 'max_ctr_complexity': 2, 'has_time': True}


def installed() -> bool:
    """Returns whether CatBoost is installed; it is not among the requirements."""
    return find_spec('catboost') is not None


class GradientBoostedTrees:
    """Boosted trees with the logistic loss over the ids of the request and of the shown elements.

    CatBoost replaces an id, or a pair of ids, by its click rate in the preceding impressions (Prokhorenkova
    et al. 2018), so the click of an impression does not leak into its features. Query terms are left out
    because a tree splits on a single value per feature.

    Args:
        tables: The feature tables of the batches.
        seed: The random seed of the trees.
    """

    def __init__(self, tables: FeatureTables, seed: int = 1):
        from catboost import CatBoostClassifier

        self._tables = tables
        self._ids = [*tables.ids, *tables.components]
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
        """Returns the best combination (see `model.baselines.search.best_combinations`)."""
        return best_combinations(self, batch)

    def _features(self, batch: Batch, combinations: np.ndarray) -> pd.DataFrame:
        """Returns one row of features per combination of [B, K, M]."""
        ids = np.repeat(np.asarray(batch[keys.CONTEXT_IDS]), combinations.shape[1], 0)
        elements = element_rows(batch, combinations).reshape(-1, combinations.shape[2])
        features = pd.DataFrame(np.concatenate([ids, elements], 1), columns=self._ids)
        if keys.NUMBERS in batch:
            numbers = np.repeat(np.asarray(batch[keys.NUMBERS]), combinations.shape[1], 0)
            features[list(self._tables.numbers)] = numbers
        return features
