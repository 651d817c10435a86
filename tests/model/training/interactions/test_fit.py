"""Tastes and synergies that were planted are found; where there are none, next to nothing is."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse
from scipy.special import expit

from model.features.context_cells import ContextCells
from model.training.additive_effects.effect_problem import Occurring
from model.training.interactions.contexts import Contexts
from model.training.interactions.fit import InteractionPriors, Interactions, fit_interactions
from model.training.training_impressions import Impressions
from tests.model.random_batches import TABLES

AGES, GENDERS, KINDS = 6, 2, 3
PER_COMPONENT, COMPONENTS, ROWS = 12, 3, 60_000
ELEMENTS = PER_COMPONENT * COMPONENTS
PRIORS = InteractionPriors(taste_dim=2, synergy_dim=2, synergy_std=0.2)
IMPORTANCE = np.array([1.0, 0.5, 2.0])  # of the components; the last one counts twice as much for one gender
CELLS = ContextCells(replace(TABLES, ids={'age': AGES, 'gender': GENDERS}, categories=('age', 'gender')))


class Planted:
    """Impressions of a world in which segments of users like kinds of elements, and kinds go together."""

    def __init__(self, taste: float, synergy: float, seed: int = 0):
        rng = np.random.default_rng(seed)
        self.kind = rng.integers(KINDS, size=ELEMENTS)
        categories = np.column_stack([rng.integers(AGES, size=ROWS), rng.integers(GENDERS, size=ROWS)])
        shown = rng.integers(PER_COMPONENT, size=(ROWS, COMPONENTS)) + PER_COMPONENT * np.arange(COMPONENTS)
        shown[rng.random(ROWS) < 0.2, 2] = -1
        segment = 2 * (categories[:, 0] < AGES // 2) + categories[:, 1]
        likes = taste * rng.normal(size=(4, COMPONENTS, KINDS))
        likes -= likes.mean((0, 2), keepdims=True)
        pairs = synergy * rng.normal(size=(COMPONENTS, KINDS, COMPONENTS, KINDS))
        pairs -= pairs.mean(1, keepdims=True)
        pairs -= pairs.mean(3, keepdims=True)
        self.taste, self.synergy = np.zeros((2, ROWS))
        present, kinds = shown >= 0, self.kind[shown]
        self.contexts = Contexts.of(categories, CELLS)
        genders = np.unique(categories, axis=0)[:, 1]
        self.importance = np.tile(IMPORTANCE, (self.contexts.profiles, 1))
        self.importance[genders == 1, -1] /= 2
        for j in range(COMPONENTS):
            scaled = self.importance[self.contexts.profile, j] * likes[segment, j, kinds[:, j]]
            self.taste += present[:, j] * scaled
            for k in range(j + 1, COMPONENTS):
                both = present[:, j] & present[:, k]
                self.synergy += both * pairs[j, kinds[:, j], k, kinds[:, k]]
        self.logit = np.full(ROWS, -0.5)
        click = rng.random(ROWS) < expit(self.logit + self.taste + self.synergy)
        zeros = np.zeros(ROWS, int)
        self.impressions = Impressions(
            zeros, zeros, shown, np.zeros(ROWS), click.astype(float), np.ones(ROWS), categories
        )
        self.there = Occurring.of(self.impressions)

    def design(self) -> sparse.csr_matrix:
        """One attribute for each kind of each component."""
        attribute = self.kind + KINDS * np.repeat(np.arange(COMPONENTS), PER_COMPONENT)
        return sparse.csr_matrix(
            (np.ones(ELEMENTS), (np.arange(ELEMENTS), attribute)), (ELEMENTS, KINDS * COMPONENTS)
        )

    def fit(self, priors: InteractionPriors = PRIORS, with_attributes: bool = False) -> Interactions:
        component = np.repeat(np.arange(COMPONENTS), PER_COMPONENT)
        design = self.design() if with_attributes else None
        return fit_interactions(
            self.there, self.logit, component, self.contexts, self.importance, design, priors
        )

    def written_out(self, found: Interactions, design: sparse.csr_matrix | None) -> np.ndarray:
        """The effects of the fitted factors on the first impressions, pair by pair."""
        factors = found.own if design is None else found.own + design @ found.terms
        size = PRIORS.synergy_dim
        blocks = found.synergy.reshape(COMPONENTS, size, COMPONENTS, size)
        cells = CELLS.of(tf.constant(self.impressions.categories[:50])).numpy()
        total = np.zeros(50)
        for row, shown in enumerate(self.impressions.shown[:50]):
            user = found.context[cells[row]].sum(0)
            for j, e in enumerate(shown):
                if e < 0:
                    continue
                scale = IMPORTANCE[j] / (2 if j == 2 and self.impressions.categories[row, 1] else 1)
                total[row] += scale * user @ factors[e, : PRIORS.taste_dim]
                for k in range(j + 1, COMPONENTS):
                    if shown[k] >= 0:
                        one, other = factors[e, PRIORS.taste_dim :], factors[shown[k], PRIORS.taste_dim :]
                        total[row] += one @ blocks[j, :, k] @ other
        return total


@pytest.fixture(scope='module')
def planted() -> Planted:
    return Planted(taste=0.4, synergy=0.3)


def slope(truth: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """The correlation, and how much of the truth one unit of what was found stands for."""
    truth, found = truth - truth.mean(), found - found.mean()
    return truth @ found / np.sqrt(truth @ truth * (found @ found)), truth @ found / (found @ found)


@pytest.mark.parametrize('with_attributes', [False, True])
def test_what_was_planted_is_found_and_shrunk_as_it_should(planted, with_attributes):
    found = planted.fit(with_attributes=with_attributes)
    correlation, per_unit = slope(planted.taste + planted.synergy, found.logit)
    assert correlation > 0.93
    assert 0.9 < per_unit < 1.15


def test_the_effects_are_those_of_the_factors(planted):
    for with_attributes in (False, True):
        found = planted.fit(with_attributes=with_attributes)
        design = planted.design() if with_attributes else None
        np.testing.assert_allclose(found.logit[:50], planted.written_out(found, design), atol=1e-9)


def test_attributes_tell_of_elements_that_have_no_impressions(planted):
    found = planted.fit(with_attributes=True)
    of_kinds = found.terms[:KINDS, : PRIORS.taste_dim]
    assert np.abs(of_kinds).max() > np.abs(found.own[:, : PRIORS.taste_dim]).mean()


@pytest.mark.parametrize(('taste_dim', 'synergy_dim'), [(2, 0), (0, 2), (0, 0)])
def test_each_part_can_be_left_out(planted, taste_dim, synergy_dim):
    found = planted.fit(InteractionPriors(taste_dim, synergy_dim, 0.2))
    assert found.own.shape == (ELEMENTS, taste_dim + synergy_dim)
    assert found.context.shape == (CELLS.size, taste_dim)
    assert found.synergy.shape == (COMPONENTS * synergy_dim,) * 2
    told = (planted.taste if taste_dim else 0) + (planted.synergy if synergy_dim else 0)
    if taste_dim + synergy_dim:
        assert slope(told, found.logit)[0] > 0.7
    else:
        assert not found.logit.any()


def test_noise_is_shrunk_to_a_fraction_of_what_is_found_where_something_is(planted):
    found = Planted(taste=0.0, synergy=0.0).fit()
    assert found.logit.std() < 0.15 * planted.fit().logit.std()
