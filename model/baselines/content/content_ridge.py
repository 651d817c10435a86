"""Ridge regression of click counts on ids and on what the catalogue says about the shown elements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import sparse

from creative_logs.schema import CLICK, WEIGHT
from model.baselines.additive import AdditivePolicy, ad_of_elements
from model.baselines.content.content_table import ContentTable
from model.baselines.online_bayes import AD_PRIOR_STD
from model.baselines.poisson_ridge import posterior_mode
from model.baselines.shown_elements import ad_rows, chosen_values, combination_keys, element_rows
from model.features import packed_batch as keys
from model.features.content_keys import NO_KEY
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch


class ContentPriors(NamedTuple):
    """The prior standard deviations of the effects, in logs of the CTR.

    The defaults were chosen by the share of the oracle's lift in simulated worlds that no figure is reported
    of: seeds 101 to 103 at 100 impressions per ad, 101 and 102 at 500, and 101 at 20. The values tried were
    0.08 to 0.2 (element), 0.01 to 0.05 (attribute), 0.01 to 0.04 (crossed) and 0.03 to 0.15 (vector), mostly
    one at a time; next to the chosen ones the share changes by at most 0.02. Attributes crossed with pairs of
    features gained nothing.

    Attributes:
        element: The effect of an element beyond its content.
        attribute: The effect of an attribute.
        crossed: The effect of an attribute for a value of a context feature.
        vector: The weight of each dimension of vectors whose root mean square length is 1.
    """

    element: float = 0.12
    attribute: float = 0.02
    crossed: float = 0.02
    vector: float = 0.05


_PRIORS = ContentPriors()


class ContentRidge(AdditivePolicy):
    """Maximum a posteriori fit of log CTR = intercept + ad + sum over shown elements of

        element + sum over its m attributes of (attribute + crossed effects) / sqrt(m) + vector weights . x

    to counts of clicks, with the Poisson loss of `PoissonRidge`. An attribute has a further effect for each
    value of the context features in `crossed`: how much users of an age or ads of a category gain by it. An
    element that was never shown has the effects of its content.

    Args:
        tables: The feature tables of the batches.
        content: The content of the elements.
        crossed: The names of the context features whose values the attributes are crossed with.
        priors: The prior standard deviations.
    """

    def __init__(
        self,
        tables: FeatureTables,
        content: ContentTable,
        crossed: Sequence[str] = (),
        priors: ContentPriors = _PRIORS,
    ):
        self._tables, self._content, self._priors = tables, content, priors
        self._features = [list(tables.ids).index(name) for name in crossed]

    def fit(self, data: Iterable[Batch]) -> None:
        log = self._log(data)
        design = _Design(log, self._content, self._stds())
        effects = design.split(posterior_mode(design, log.clicks, log.impressions, design.std))
        self._elements = np.zeros(self._tables.element_rows)
        self._elements[log.elements] = effects['element']
        self._worth = self._content.attributes @ effects['attribute']
        for name, (rows, vectors) in self._content.vectors.items():
            self._worth[rows] += vectors @ effects[f'vector {name}']
        self._crossed = [
            effects[f'crossed {i}'].reshape(-1, design.attributes) for i in range(len(log.cells))
        ]
        self._cells = [values for values, _ in log.cells]

    def element_scores(self, batch: Batch) -> np.ndarray:
        place = self._content.rows_of(np.asarray(batch[keys.ELEMENT_KEYS]))
        scores = self._elements[np.asarray(batch[keys.ELEMENTS])] + self._worth[place]
        attributes, ad = self._content.attributes[place], ad_of_elements(batch)
        element = np.repeat(np.arange(len(place)), np.diff(attributes.indptr))
        for cells, known, effects in zip(self._cells_of(batch), self._cells, self._crossed):
            cell = np.minimum(np.searchsorted(known, cells), len(known) - 1)
            found = np.where(known[cell] == cells, cell, -1)[ad][element]
            values = np.where(found >= 0, effects[found, attributes.indices], 0.0) * attributes.data
            scores += np.bincount(element, values, len(place))
        return scores

    def _stds(self) -> dict[str, float]:
        priors = self._priors
        found = {'element': priors.element, 'ad': AD_PRIOR_STD, 'attribute': priors.attribute}
        found |= {f'vector {name}': priors.vector for name in self._content.vectors}
        return found | {f'crossed {i}': priors.crossed for i in range(len(self._features))}

    def _cells_of(self, batch: Batch) -> list[np.ndarray]:
        """The values of the crossed features as rows of the context table, int64 [B] each."""
        ids = np.asarray(batch[keys.CONTEXT_IDS])
        return [ids[:, i] for i in self._features]

    def _log(self, data: Iterable[Batch]) -> '_Log':
        """Counts the impressions and clicks of each ad, combination and crossed context."""
        parts = []
        for batch in data:
            shown = np.asarray(batch[keys.SHOWN])[:, None]
            weight = np.asarray(batch[WEIGHT], np.float64)
            listed = chosen_values(np.asarray(batch[keys.ELEMENT_KEYS]), batch, shown, NO_KEY)[:, 0]
            columns = [ad_rows(batch, self._tables), element_rows(batch, shown)[:, 0], listed]
            clicks = np.asarray(batch[CLICK], np.float64) * weight
            cells = np.stack([np.zeros(len(weight), np.int64), *self._cells_of(batch)], 1)
            parts.append((*columns, cells, clicks, weight))
        ad, rows, listed, cells, clicks, weight = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        identity = combination_keys(ad, np.concatenate([rows, cells], 1))
        _, first, group = np.unique(identity, return_index=True, return_inverse=True)
        row, slot = np.nonzero(rows[first] >= 0)
        elements, where, of_row = np.unique(rows[first][row, slot], return_index=True, return_inverse=True)
        return _Log(
            row=row,
            element=of_row,
            elements=elements,
            place=self._content.rows_of(listed[first][row, slot][where]),
            ad=np.unique(ad[first], return_inverse=True)[1],
            cells=[np.unique(column, return_inverse=True) for column in cells[first].T[1:]],
            clicks=np.bincount(group, clicks),
            impressions=np.bincount(group, weight),
        )


@dataclass(frozen=True)
class _Log:
    """R groups of impressions with S shown elements, of which U are distinct.

    Attributes:
        row, element: The group of each shown element and its place in `elements`, int64 [S].
        elements: The rows of the element table that were shown, ascending, int64 [U].
        place: Their rows of the table of content, int64 [U].
        ad: The number of the ad of each group, int64 [R].
        cells: By crossed feature, its distinct values, ascending, and the place of each group's.
        clicks, impressions: float64 [R].
    """

    row: np.ndarray
    element: np.ndarray
    elements: np.ndarray
    place: np.ndarray
    ad: np.ndarray
    cells: list[tuple[np.ndarray, np.ndarray]]
    clicks: np.ndarray
    impressions: np.ndarray


class _Design:
    """The linear map from all effects to the log CTR of each group."""

    def __init__(self, log: _Log, content: ContentTable, stds: dict[str, float]):
        groups, shown = len(log.clicks), len(log.elements)
        ones = np.ones(len(log.row))
        self._shown = sparse.csr_matrix((ones, (log.row, log.element)), (groups, shown))
        self._ads = sparse.csr_matrix((np.ones(groups), (np.arange(groups), log.ad)))
        self._attributes = content.attributes[log.place]
        self.attributes = self._attributes.shape[1]
        self._vectors = {}
        for name, (rows, vectors) in content.vectors.items():
            here = np.flatnonzero(np.isin(log.place, rows))
            self._vectors[name] = here, vectors[np.searchsorted(rows, log.place[here])]
        sums = (self._shown @ self._attributes).tocsr()
        self._crossed = [_crossed(sums, cell, len(values)) for values, cell in log.cells]
        sizes = {'element': shown, 'ad': self._ads.shape[1], 'attribute': self.attributes}
        sizes |= {f'vector {name}': vectors.shape[1] for name, (_, vectors) in self._vectors.items()}
        sizes |= {f'crossed {i}': matrix.shape[1] for i, matrix in enumerate(self._crossed)}
        self._names, self._ends = list(sizes), np.cumsum(list(sizes.values()))[:-1]
        self.std = np.concatenate([np.full(size, stds[name]) for name, size in sizes.items()])

    def split(self, effects: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(self._names, np.split(effects, self._ends)))

    def effect(self, effects: np.ndarray) -> np.ndarray:
        part = self.split(effects)
        elements = part['element'] + self._attributes @ part['attribute']
        for name, (here, vectors) in self._vectors.items():
            elements[here] += vectors @ part[f'vector {name}'].astype(np.float32)
        crossed = [matrix @ part[f'crossed {i}'] for i, matrix in enumerate(self._crossed)]
        return self._shown @ elements + self._ads @ part['ad'] + sum(crossed)

    def sums(self, per_group: np.ndarray) -> np.ndarray:
        elements = self._shown.T @ per_group
        parts = [elements, self._ads.T @ per_group, self._attributes.T @ elements]
        parts += [vectors.T @ elements[here].astype(np.float32) for here, vectors in self._vectors.values()]
        return np.concatenate(parts + [matrix.T @ per_group for matrix in self._crossed])


def _crossed(sums: sparse.csr_matrix, cell: np.ndarray, cells: int) -> sparse.csr_matrix:
    """Attributes crossed with a cell of each row, [R, cells * V], from the sums of attributes, [R, V]."""
    attributes = sums.shape[1]
    columns = np.repeat(cell, np.diff(sums.indptr)) * attributes + sums.indices
    return sparse.csr_matrix((sums.data, columns, sums.indptr), (sums.shape[0], cells * attributes))
