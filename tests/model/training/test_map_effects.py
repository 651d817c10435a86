from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from model.training.map_effects import Priors, fit_effects
from model.training.training_impressions import TrainingImpressions
from tests.model.training.helpers import ADS, COMBINATIONS, ELEMENTS, SUBWORDS, batch, collected, tables

PRIORS = Priors(ad=0.6, element=0.3, subword=0.2, combination=0.25, preference=0.4, importance=False)

FIRST_ELEMENT = 1 + ADS + COMBINATIONS


def newton(data, subwords, preferences, preference_std: float) -> np.ndarray:
    """By Newton's method on a dense design: intercept, ads, combinations, elements, subwords, preferences."""
    shown = np.zeros((len(data.ad), ELEMENTS))
    for row, elements in enumerate(data.shown):
        for element in elements[elements >= 0]:
            shown[row, element] += 1
    design = np.hstack(
        [
            np.ones((len(data.ad), 1)),
            np.eye(ADS)[data.ad],
            np.eye(COMBINATIONS)[data.combination],
            shown,
            shown @ subwords,
            shown @ preferences,
        ]
    )
    stds = [np.inf] + [0.6] * ADS + [0.25] * COMBINATIONS
    stds += [0.3] * ELEMENTS + [0.2] * subwords.shape[1] + [preference_std] * 2
    precision = np.array(stds) ** -2.0
    values = np.zeros(design.shape[1])
    values[0] = -1.0
    for _ in range(60):
        ctr = expit(data.offset + design @ values)
        gradient = design.T @ (data.weight * (ctr - data.click)) + precision * values
        hessian = design.T @ (design * (data.weight * ctr * (1 - ctr))[:, None]) + np.diag(precision)
        values = values - np.linalg.solve(hessian, gradient)
    return values


def preferences(batches: list[dict]) -> np.ndarray:
    exposure, chance, component = np.zeros(ELEMENTS), np.zeros(ELEMENTS), np.full(ELEMENTS, -1)
    for each in batches:
        place = 0
        for row, counts in enumerate(each['counts']):
            for j, n in enumerate(counts):
                for position in range(n):
                    element = each['elements'][place + position]
                    component[element] = j
                    foreign = each['weight'][row] * (1 - each['chosen_by_genco'][row])
                    chance[element] += foreign / n
                    exposure[element] += foreign * (each['shown'][row, j] == position)
                place += n
    found = np.zeros((ELEMENTS, 2))
    for element in np.flatnonzero(component >= 0):
        found[element, component[element]] = np.log((exposure[element] + 3) / (chance[element] + 3))
    return found


def learned_spread(evidence: TrainingImpressions, q: np.ndarray, first: np.ndarray) -> float:
    """Of the weights of the preference beyond their noise, a weight at a time."""
    data, weights = evidence.impressions(), first[-2:]
    effect = first[FIRST_ELEMENT : FIRST_ELEMENT + ELEMENTS] + q @ weights
    effect = effect + evidence.subwords() @ first[FIRST_ELEMENT + ELEMENTS : -2]
    logit = data.offset + first[0] + first[1 : ADS + 1][data.ad]
    logit = logit + first[ADS + 1 : FIRST_ELEMENT][data.combination]
    logit = logit + np.where(data.shown >= 0, effect[data.shown], 0).sum(1)
    said = np.zeros(ELEMENTS)
    for row, elements in enumerate(data.shown):
        for element in elements[elements >= 0]:
            said[element] += data.weight[row] * expit(logit[row]) * (1 - expit(logit[row]))
    variances = [
        1 / sum(q[e, j] ** 2 / (0.3**2 + 1 / said[e]) for e in range(ELEMENTS) if said[e]) for j in (0, 1)
    ]
    excess = sum(weights[j] ** 2 / variances[j] - 1 for j in (0, 1)) / sum(1 / v for v in variances)
    return min(max(excess, 1e-8) ** 0.5, 0.4)


@pytest.mark.parametrize('subwords', [0, SUBWORDS])
def test_effects_are_the_posterior_mode(subwords):
    rng = np.random.default_rng(3)
    batches = [batch(rng, 150, bool(subwords)), batch(rng, 90, bool(subwords))]
    evidence = collected(batches, subwords=subwords)
    found = fit_effects(evidence, -1.0, ADS, COMBINATIONS, PRIORS)
    q = preferences(batches)
    known = evidence.impressions(), evidence.subwords().toarray(), q
    values = newton(*known, learned_spread(evidence, q, newton(*known, 0.4)))
    ads, combinations = values[1 : ADS + 1], values[ADS + 1 : FIRST_ELEMENT]
    elements = values[FIRST_ELEMENT : FIRST_ELEMENT + ELEMENTS]
    np.testing.assert_allclose(found.intercept, values[0], atol=2e-3)
    np.testing.assert_allclose(found.ad, ads, atol=2e-3)
    np.testing.assert_allclose(found.combination, combinations, atol=2e-3)
    np.testing.assert_allclose(found.preference, values[-2:], atol=2e-3)
    np.testing.assert_allclose(found.element, elements + q @ values[-2:], atol=2e-3)
    np.testing.assert_allclose(found.subword, values[FIRST_ELEMENT + ELEMENTS : -2], atol=2e-3)


def test_what_was_never_shown_stays_at_its_prior():
    rng = np.random.default_rng(4)
    found = fit_effects(collected([batch(rng, 200)]), -1.0, ADS, COMBINATIONS, PRIORS)
    never_ad, never_element = ADS - 1, ELEMENTS - 1
    assert found.ad[never_ad] == 0 and found.ad_precision[never_ad] == pytest.approx(0.6**-2)
    assert found.element[never_element] == 0 and found.combination[COMBINATIONS - 1] == 0
    assert found.element_precision[never_element] == pytest.approx(0.3**-2)
    assert (found.element_precision[:7] > 0.3**-2).all()


def test_a_weight_is_worth_as_many_equal_rows():
    rng = np.random.default_rng(5)
    once = batch(rng, 60)
    ones = once | {'weight': np.ones(60, np.float32)}
    thrice = once | {'weight': np.full(60, 3, np.float32)}
    repeated = fit_effects(collected([ones] * 3), -1.0, ADS, COMBINATIONS, PRIORS)
    weighted = fit_effects(collected([thrice]), -1.0, ADS, COMBINATIONS, PRIORS)
    np.testing.assert_allclose(weighted.element, repeated.element, atol=2e-4)
    np.testing.assert_allclose(weighted.element_precision, repeated.element_precision, rtol=1e-3)


def preferring(rng: np.random.Generator, effect: float) -> TrainingImpressions:
    """Each ad has one title and two images of 40, half of which are shown four times as often as the others
    and raise the logit of a click by `effect`."""
    rows = 6000
    images = np.stack([rng.integers(0, 20, rows), rng.integers(20, 40, rows)], 1)
    shown = (rng.random(rows) < 0.2).astype(int)
    logit = -1.5 + effect * (shown == 0)
    evidence = TrainingImpressions(replace(tables(0), components={'title': 4, 'image': 40}), 10_000)
    evidence.add(
        ad=np.zeros(rows, int),
        combination=images[np.arange(rows), shown],
        offset=np.zeros(rows, np.float32),
        click=(rng.random(rows) < expit(logit)).astype(np.float32),
        weight=np.ones(rows, np.float32),
        chosen_by_genco=np.zeros(rows, np.float32),
        shown=np.stack([np.zeros(rows, int), shown], 1),
        counts=np.tile(np.int32([1, 2]), (rows, 1)),
        elements=np.concatenate([np.zeros((rows, 1), int), 4 + images], 1).ravel(),
    )
    return evidence


def test_a_policy_that_knows_something_raises_what_it_prefers():
    found = fit_effects(preferring(np.random.default_rng(6), 0.4), -1.0, ADS, 40, PRIORS)
    assert found.preference[1] > 0.1
    images = found.element[4:44]
    assert images[:20].mean() > images[20:].mean() + 0.2


def test_the_preference_of_a_policy_that_knows_nothing_is_left_out():
    found = fit_effects(preferring(np.random.default_rng(8), 0.0), -1.0, ADS, 40, PRIORS)
    assert np.abs(found.preference).max() < 1e-4


def test_what_our_own_models_showed_is_no_preference():
    each = batch(np.random.default_rng(9), 300) | {'chosen_by_genco': np.ones(300, np.float32)}
    found = fit_effects(collected([each]), -1.0, ADS, COMBINATIONS, PRIORS)
    assert not found.preference.any()
