"""VowpalWabbit's logistic regression on ad and element ids; it needs the extra `peers`."""

from collections.abc import Iterable
from importlib.util import find_spec

import numpy as np

from model.baselines.additive import AdditivePolicy, ad_of_elements
from model.baselines.shown_elements import Shown, ad_rows
from model.features import packed_batch as keys
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch

# Ids, and pairs of ad and element: the value of an element in general and in this ad.
_OPTIONS = '--loss_function logistic --interactions ae --bit_precision 24 --quiet'


def installed() -> bool:
    """Returns whether VowpalWabbit is installed; it is not among the requirements."""
    return find_spec('vowpalwabbit') is not None


class VowpalWabbit(AdditivePolicy):
    """Online logistic regression with VowpalWabbit's adaptive steps, in one chronological pass.

    Args:
        tables: The feature tables of the batches.
    """

    def __init__(self, tables: FeatureTables):
        from vowpalwabbit import Workspace

        self._tables, self._workspace = tables, Workspace(_OPTIONS)

    def fit(self, data: Iterable[Batch]) -> None:
        shown = Shown.rows(data, self._tables)
        columns = (shown.ad, shown.elements, shown.clicks, shown.impressions)
        for ad, elements, clicks, impressions in zip(*(c.tolist() for c in columns), strict=True):
            present = ' '.join(str(element) for element in elements if element >= 0)
            label = 1 if clicks else -1
            self._workspace.learn(f'{label} {impressions} |a {ad} |e {present}')

    def element_scores(self, batch: Batch) -> np.ndarray:
        ads = ad_rows(batch, self._tables)[ad_of_elements(batch)].tolist()
        elements = np.asarray(batch[keys.ELEMENTS]).tolist()
        logits = [self._workspace.predict(f'|a {ad} |e {row}') for ad, row in zip(ads, elements, strict=True)]
        return np.array(logits)
