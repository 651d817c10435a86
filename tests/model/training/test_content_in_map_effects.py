"""The fit with a catalogue against Newton's method on a dense design, under the standard deviations it learned."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from scipy.special import expit

from creative_logs.catalogue.schema import arrow_schema
from creative_logs.schema import Component, Content, ContextFeature, LogSchema
from model.content.element_contents import Catalogue
from model.features.content_keys import element_keys
from model.features.feature_tables import FeatureTables
from model.training.map_effects import Priors, fit_effects
from model.training.training_impressions import TrainingImpressions

ADS, ELEMENTS, ROWS = 6, 12, 4000
PRIORS = Priors(
    ad=0.5, element=0.2, subword=0.2, combination=0.1, preference=0.3, content=0.3, importance=False
)
SCHEMA = LogSchema(
    context=(ContextFeature(name='ad_id'),),
    components=(Component(name='title', content=Content(attributes=True, vector=2)),),
)
COLOURS = ('red', 'green', 'blue')


@pytest.fixture(scope='module')
def world():
    """Impressions of ads that show two to four of the elements, of which the last has no content."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(ELEMENTS, 2)).astype(np.float32)
    colour = rng.integers(3, size=ELEMENTS)
    of_ad = [rng.permutation(ELEMENTS)[: rng.integers(3, 6)] for _ in range(ADS)]
    ad = rng.integers(ADS, size=ROWS)
    counts = np.array([len(of_ad[a]) for a in ad])
    shown = (rng.random(ROWS) * counts).astype(int)
    element = np.array([of_ad[a][k] for a, k in zip(ad, shown)])
    logit = -1 + rng.normal(0, 0.4, ADS)[ad] + (vectors @ [0.8, -0.4])[element] + 0.3 * (colour == 0)[element]
    click = (rng.random(ROWS) < expit(logit)).astype(np.float32)
    return vectors, colour, of_ad, ad, counts, shown, element, click


@pytest.fixture(scope='module')
def fitted(world):
    vectors, colour, of_ad, ad, counts, shown, _, click = world
    keys = element_keys('title', tf.constant([f't{e}' for e in range(ELEMENTS)])).numpy()
    tables = FeatureTables({'ad_id': ADS}, (), {}, {'title': ELEMENTS}, 0, {}, 'ad_id', 6, {'title': 2})
    evidence = TrainingImpressions(tables, 10**6)
    elements = np.concatenate([of_ad[a] for a in ad])
    evidence.add(
        ad,
        np.zeros(ROWS, int),
        np.zeros(ROWS, np.float32),
        click,
        np.ones(ROWS, np.float32),
        np.zeros(ROWS, np.float32),
        shown[:, None],
        counts[:, None].astype(np.int32),
        elements,
        element_keys=keys[elements],
    )
    rows = [
        {'component': 'title', 'id': f't{e}', 'attributes': [COLOURS[colour[e]]], 'vector': vectors[e]}
        for e in range(ELEMENTS - 1)
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=arrow_schema())
    return fit_effects(evidence, -1.0, ADS, 1, PRIORS, Catalogue(lambda: iter([batch]), SCHEMA)), evidence


def scaled(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(0)
    return centred / np.sqrt(np.square(centred).sum(1).mean())


def test_effects_are_the_mode_under_the_learned_deviations(world, fitted):
    vectors, colour, of_ad, ad, counts, _, element, click = world
    found, evidence = fitted
    listed = np.arange(ELEMENTS - 1)
    told = np.zeros((ELEMENTS, 2))
    told[listed] = scaled(vectors[listed].astype(float))
    has = np.zeros((ELEMENTS, 3))
    has[listed, colour[listed]] = 1
    preference = np.log((evidence.exposure + 3) / (evidence.chance + 3))[:, None]
    exposure = np.array([[np.sum((ad == a) & (element == e)) for e in listed] for a in range(ADS)])
    share = exposure / exposure.sum(1, keepdims=True)
    ad_colours, ad_vectors = share @ has[listed], scaled(share @ vectors[listed].astype(float))
    blocks = {
        None: np.ones((ROWS, 1)),
        'ad': np.eye(ADS)[ad],
        'combination': np.ones((ROWS, 1)),
        'element title': np.eye(ELEMENTS)[element],
        'preference': preference[element],
        'attribute title': has[element],
        'vector title': told[element],
        'between attribute title': ad_colours[ad],
        'between vector title': ad_vectors[ad],
    }
    design = np.hstack(list(blocks.values()))
    stds = np.concatenate(
        [np.full(b.shape[1], found.stds[name] if name else np.inf) for name, b in blocks.items()]
    )
    values = np.zeros(design.shape[1])
    for _ in range(50):
        ctr = expit(design @ values)
        gradient = design.T @ (ctr - click) + values / stds**2
        hessian = design.T @ (design * (ctr * (1 - ctr))[:, None]) + np.diag(stds**-2.0)
        values -= np.linalg.solve(hessian, gradient)
    ends = np.cumsum([b.shape[1] for b in blocks.values()])
    part = dict(zip(blocks, np.split(values, ends[:-1])))
    weights = found.content.vectors['title']
    np.testing.assert_allclose(
        (vectors[listed] - weights.mean) @ weights.weights, told[listed] @ part['vector title'], atol=3e-3
    )
    terms = {f'attribute\ttitle\t{name}': part['attribute title'][k] for k, name in enumerate(COLOURS)}
    for term, expected in terms.items():
        key = int(tf.strings.to_hash_bucket_fast([term], 1 << 62)[0])
        assert found.content.weights[found.content.terms == key] == pytest.approx(expected, abs=3e-3)
    own = part['element title'] + preference[:, 0] * part['preference']
    np.testing.assert_allclose(found.element, own, atol=3e-3)
    between = ad_colours @ part['between attribute title'] + ad_vectors @ part['between vector title']
    np.testing.assert_allclose(found.ad, part['ad'] + between, atol=5e-3)


def test_what_content_tells_is_learned(world, fitted):
    world[0]
    weights = fitted[0].content.vectors['title'].weights
    assert weights[0] > 0.3 > -0.1 > weights[1]
    assert fitted[0].stds['vector title'] > 0.3
