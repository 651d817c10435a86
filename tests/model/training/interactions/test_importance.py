"""The importance of components is found from effects that are known with different precision."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from model.features.context_cells import ContextCells
from model.training.interactions.contexts import Contexts
from model.training.interactions.importance import Importance
from tests.model.random_batches import TABLES

CATEGORIES, GENDERS, COMPONENTS, ROWS = 4, 2, 3, 200_000
CELLS = ContextCells(
    replace(TABLES, ids={'category': CATEGORIES, 'gender': GENDERS}, categories=('category', 'gender'))
)
STD = 0.15


class World:
    """Every impression shows an element of each component, whose effect counts differently in each category."""

    def __init__(self, elements: int, seed: int = 3):
        rng = np.random.default_rng(seed)
        categories = np.column_stack([rng.integers(CATEGORIES, size=ROWS), rng.integers(GENDERS, size=ROWS)])
        self.contexts = Contexts.of(categories, CELLS)
        self.row = np.repeat(np.arange(ROWS), COMPONENTS)
        self.component = np.tile(np.arange(COMPONENTS), ROWS)
        self.true = np.exp(rng.normal(0, 0.4, (CATEGORIES, COMPONENTS)))
        effect = STD * rng.normal(size=(elements, COMPONENTS))
        shown = rng.integers(elements, size=(ROWS, COMPONENTS))
        scaled = self.true[categories[:, 0]] * effect[shown, np.arange(COMPONENTS)]
        self.click = rng.random(ROWS) < expit(scaled.sum(1))
        self.element = (shown * COMPONENTS + np.arange(COMPONENTS)).ravel()
        self.effect, self.variance = np.zeros(effect.size), np.full(effect.size, STD**2)

    def learned(self, rounds: int = 30) -> Importance:
        """Fits the effects, by Newton steps along the diagonal, and the importance in turns to the same clicks."""
        found = Importance(self.contexts, self.row, self.component, COMPONENTS)
        for _ in range(rounds):
            scale = found.of_shown
            for component in range(COMPONENTS):
                residual, information = self.residuals(scale)
                precision = STD**-2 + np.bincount(self.element, scale**2 * information)
                pull = np.bincount(self.element, scale * residual) - self.effect / STD**2
                part = slice(component, None, COMPONENTS)
                self.effect[part] += (pull / precision)[part]
                self.variance[part] = 1 / precision[part]
            residual, information = self.residuals(scale)
            squares = (self.effect**2 + self.variance).reshape(-1, COMPONENTS).mean(0) / STD**2
            of_shown = self.effect[self.element], self.variance[self.element]
            found.update(residual, information, *of_shown, squares)
            self.effect /= np.tile(np.sqrt(squares), len(self.effect) // COMPONENTS)
        return found

    def residuals(self, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ctr = expit(np.bincount(self.row, scale * self.effect[self.element]))
        return (self.click - ctr)[self.row], (ctr * (1 - ctr))[self.row]


@pytest.mark.parametrize('elements', [40, 4_000])
def test_importance_by_category_is_found_with_much_and_with_little_evidence(elements):
    world = World(elements)
    found = world.learned()
    of_categories = np.exp(found.level + found.deviations[0])
    assert abs(np.log(of_categories / world.true).mean()) < 0.15
    assert np.corrcoef(np.log(of_categories).ravel(), np.log(world.true).ravel())[0, 1] > 0.85
    # The gender of a user does not matter.
    assert np.abs(found.deviations[1]).max() < 0.1


def test_of_shown_is_the_product_of_level_and_deviations():
    world = World(40)
    found = world.learned(2)
    profile = np.unique(
        CELLS.of(np.array([[c, g] for c in range(CATEGORIES) for g in range(GENDERS)])), axis=0
    )
    assert len(profile) == CATEGORIES * GENDERS
    by_hand = [
        [
            np.exp(found.level[j] + found.deviations[0][c, j] + found.deviations[1][g, j])
            for j in range(COMPONENTS)
        ]
        for c in range(CATEGORIES)
        for g in range(GENDERS)
    ]
    np.testing.assert_allclose(found.of_profiles, by_hand)
    spread = found.of_profiles[world.contexts.profile[world.row], world.component]
    np.testing.assert_allclose(found.of_shown, spread)


def test_without_category_features_there_are_levels_only():
    contexts = Contexts.of(np.zeros((10, 0)), ContextCells(replace(TABLES, ids={'x': 3}, categories=())))
    found = Importance(contexts, np.arange(10), np.zeros(10, int), 1)
    residual, one = np.full(10, 0.2), np.ones(10)
    found.update(residual, one, one, 0 * one, np.full(1, 4.0))
    assert found.deviations == []
    assert found.of_profiles == np.array([[2.0]])
