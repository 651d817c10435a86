"""The posterior of the additive effects given the clicks: its loss, gradient and curvature."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from model.training.additive_effects.linear_terms import LinearTerms
from model.training.training_impressions import Impressions

INTERCEPT, AD, COMBINATION, ELEMENT = 'intercept', 'ad', 'combination', 'element'


@dataclass(frozen=True)
class Occurring:
    """The ads, elements and combinations that occur in R impressions.

    Attributes:
        data: The impressions.
        ads, elements, combinations: Their rows of the tables, ascending, int64.
        ad, combination: The place in `ads` and in `combinations` of each impression, int64 [R].
        row, element: The impression of each of the S shown elements, and its place in `elements`, int64 [S].
    """

    data: Impressions
    ads: np.ndarray
    elements: np.ndarray
    combinations: np.ndarray
    ad: np.ndarray
    combination: np.ndarray
    row: np.ndarray
    element: np.ndarray

    @classmethod
    def of(cls, data: Impressions) -> 'Occurring':
        """What occurs in the impressions."""
        row, place = np.nonzero(data.shown >= 0)
        ads, ad = np.unique(data.ad, return_inverse=True)
        elements, element = np.unique(data.shown[row, place], return_inverse=True)
        combinations, combination = np.unique(data.combination, return_inverse=True)
        return cls(data, ads, elements, combinations, ad, combination, row, element)


class EffectProblem:
    """The negative log posterior of the effects, as a function of one vector of P values.

    The log-odds of a click are offset + intercept + ad + combination + the sum over the shown elements e of
    s (element_e + the sum over terms of x_e w). The importance s of what is shown is 1 until `set_importance`. Only ads, elements and combinations that occur have a value;
    all others stay at their prior mean. Each value has a normal prior with mean zero.

    The values form groups of equal prior variance: `ad`, `combination`, `element <component>` and one for each
    name of a term.

    Args:
        occurring: The impressions, and what occurs in them.
        component: The component of each row of the element table, int64 [rows].
        components: The names of the components.
        terms: The linear terms of an element's effect by name, for the elements that occur.
        ad_terms: The linear terms of an ad's effect by name, for the ads that occur.

    Attributes:
        size: P.
        groups: The indices of the values of each group, int64, by name.
        stds: The prior standard deviations by group; set them with `set_std`.
    """

    def __init__(
        self,
        occurring: Occurring,
        component: np.ndarray,
        components: Sequence[str],
        terms: Mapping[str, LinearTerms],
        ad_terms: Mapping[str, LinearTerms],
    ):
        self._data, self._terms, self._ad_terms = occurring.data, terms, ad_terms
        self._occurring = occurring
        sizes = {
            INTERCEPT: 1,
            AD: len(occurring.ads),
            COMBINATION: len(occurring.combinations),
            ELEMENT: len(occurring.elements),
            **{name: part.size for name, part in {**terms, **ad_terms}.items()},
        }
        self.size = sum(sizes.values())
        ends = np.cumsum(list(sizes.values())).tolist()
        self._parts = {name: slice(end - n, end) for (name, n), end in zip(sizes.items(), ends)}
        of_element = component[occurring.elements]
        first = self._parts[ELEMENT].start
        self.groups = {
            name: np.arange(self.size)[self._parts[name]] for name in (AD, COMBINATION, *terms, *ad_terms)
        }
        for j, name in enumerate(components):
            self.groups[f'{ELEMENT} {name}'] = first + np.flatnonzero(of_element == j)
        self.groups = {name: group for name, group in self.groups.items() if len(group)}
        self._precision = np.zeros(self.size)
        self._importance = np.ones(len(occurring.row))
        self.stds: dict[str, float] = {}

    def set_std(self, group: str, std: float) -> None:
        """Sets the prior standard deviation of a group."""
        self.stds[group] = std
        self._precision[self.groups[group]] = std**-2.0

    def set_importance(self, importance: np.ndarray) -> None:
        """Sets the importance s of each shown element, float64 [S]."""
        self._importance = importance

    def split(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """The values of each effect by name, views of `values` [P] or [P, any]."""
        return {name: values[part] for name, part in self._parts.items()}

    def loss(self, values: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss at `values`, float64 [P], and its gradient, float64 [P]."""
        logit, data = self.logit(values), self._data
        loss = data.weight @ (np.logaddexp(0, logit) - data.click * logit)
        pull = self._precision * values
        residual = data.weight * (expit(logit) - data.click)
        return loss + 0.5 * pull @ values, self._sums(residual) + pull

    def logit(self, values: np.ndarray) -> np.ndarray:
        """The log-odds of a click on each impression at `values`, float64 [R]."""
        return self._data.offset + self._effect(values)

    def add_offset(self, change: np.ndarray) -> None:
        """Adds to the offset of each impression, float64 [R]."""
        self._data = replace(self._data, offset=self._data.offset + change)

    def information(self, values: np.ndarray) -> np.ndarray:
        """weight x p (1 - p) of each impression at `values`, float64 [R]."""
        ctr = expit(self.logit(values))
        return self._data.weight * ctr * (1 - ctr)

    def residual(self, values: np.ndarray) -> np.ndarray:
        """weight x (click - predicted CTR) of each impression at `values`, float64 [R]."""
        return self._data.weight * (self._data.click - expit(self.logit(values)))

    def curvature(self, information: np.ndarray) -> np.ndarray:
        """The diagonal of the Hessian, float64 [P], given the information of each impression."""
        squares = self._importance**2
        totals = self._totals(information, squares, lambda terms, values: terms.sums_of_squares(values))
        return totals + self._precision

    def hessian_product(self, information: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """The Hessian times a direction, float64 [P], given the information of each impression."""
        return self.data_product(information, direction) + self._precision * direction

    def data_product(self, information: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """The part of `hessian_product` that comes from the data and not from the prior, float64 [P]."""
        return self._sums(information * self._effect(direction))

    def of_elements(self, values: np.ndarray) -> np.ndarray:
        """The effect of each element that occurs, before its importance, float64 [elements]."""
        part = self.split(values)
        return part[ELEMENT] + sum(terms.effect(part[name]) for name, terms in self._terms.items())

    def _effect(self, values: np.ndarray) -> np.ndarray:
        """The sum of the effects on each impression, float64 [R]."""
        part, there = self.split(values), self._occurring
        element = self.of_elements(values)[there.element]
        of_elements = np.bincount(there.row, self._importance * element, len(there.ad))
        ad = part[AD] + sum(terms.effect(part[name]) for name, terms in self._ad_terms.items())
        return part[INTERCEPT] + ad[there.ad] + part[COMBINATION][there.combination] + of_elements

    def _sums(self, per_impression: np.ndarray) -> np.ndarray:
        """The derivative of the sum of effects by each value, times `per_impression`: float64 [P]."""
        return self._totals(per_impression, self._importance, lambda terms, values: terms.sums(values))

    def _totals(
        self,
        per_impression: np.ndarray,
        of_shown: np.ndarray,
        of_terms: Callable[[LinearTerms, np.ndarray], np.ndarray],
    ) -> np.ndarray:
        """Totals over the impressions by value, float64 [P].

        Args:
            per_impression: What is summed, float64 [R].
            of_shown: The factor by which it counts for each shown element, float64 [S].
            of_terms: Makes the totals of linear terms from those of what they describe.
        """
        there = self._occurring
        ad = np.bincount(there.ad, per_impression, len(there.ads))
        combination = np.bincount(there.combination, per_impression, len(there.combinations))
        element = np.bincount(there.element, of_shown * per_impression[there.row], len(there.elements))
        parts = [np.array([ad.sum()]), ad, combination, element]
        parts += [of_terms(terms, element) for terms in self._terms.values()]
        parts += [of_terms(terms, ad) for terms in self._ad_terms.values()]
        return np.concatenate(parts)
