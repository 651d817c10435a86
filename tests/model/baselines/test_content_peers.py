"""Peers that read the catalogue: the exact solution, and choices among elements that were never shown."""

from importlib.util import find_spec

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from scipy.stats import spearmanr

from creative_logs.catalogue.schema import arrow_schema
from creative_logs.schema import Component, Content, ContextFeature, LogSchema
from model.baselines import ContentRidge, ContentTable, content_peers
from model.baselines.content.content_ridge import ContentPriors
from model.content.element_contents import Catalogue
from model.features.content_keys import element_keys
from model.features.feature_tables import FeatureTables

COLOURS, DIMENSIONS, ELEMENTS, USERS, ADS = ('red', 'green', 'blue'), 4, (40, 12), 3, 10
TABLES = FeatureTables(
    ids={'age': USERS, 'ad_id': ADS},
    numbers=(),
    terms={},
    components={'title': ELEMENTS[0], 'image': ELEMENTS[1]},
    frequent=0,
    subwords={},
    ad='ad_id',
    max_candidates=4,
    content={'title': DIMENSIONS, 'image': 0},
)
SCHEMA = LogSchema(
    context=(ContextFeature(name='age', encoding='category'), ContextFeature(name='ad_id')),
    components=(
        Component(name='title', content=Content(attributes=True, vector=DIMENSIONS)),
        Component(name='image', content=Content(attributes=True)),
    ),
)
PRIORS = ContentPriors(element=0.1, attribute=0.2, crossed=0.15, vector=0.3)


class World:
    """Titles have a colour, which each age likes differently, and a vector that tells their quality."""

    def __init__(self, seed: int = 0):
        rng = np.random.default_rng(seed)
        self.colour = rng.integers(len(COLOURS), size=ELEMENTS[0])
        self.vector = rng.normal(size=(ELEMENTS[0], DIMENSIONS)).astype(np.float32)
        self.liking = rng.normal(0, 0.6, [USERS, len(COLOURS)])
        self.quality = self.vector @ rng.normal(0, 0.4, DIMENSIONS)
        self.keys = np.concatenate(
            [
                element_keys(name, tf.constant([str(i) for i in range(size)])).numpy()
                for name, size in zip(TABLES.components, ELEMENTS)
            ]
        )

    @property
    def catalogue(self) -> Catalogue:
        titles = [
            {'component': 'title', 'id': str(i), 'attributes': [COLOURS[c], 'new'], 'vector': v.tolist()}
            for i, (c, v) in enumerate(zip(self.colour, self.vector))
        ]
        images = [{'component': 'image', 'id': str(i), 'attributes': ['wide']} for i in range(6)]
        batch = pa.RecordBatch.from_pylist(titles + images, schema=arrow_schema())
        return Catalogue(lambda: iter([batch]), SCHEMA)

    def effect(self, age: np.ndarray, title: np.ndarray) -> np.ndarray:
        return self.liking[age, self.colour[title]] + self.quality[title]

    def batch(self, rows: int, titles: np.ndarray, seed: int) -> dict:
        """Rows with two of the given titles, and two images, of which one each is shown."""
        rng = np.random.default_rng(seed)
        age, ad = rng.integers(USERS, size=rows), rng.integers(ADS, size=rows)
        title = rng.permuted(np.tile(titles, [rows, 1]), axis=1)[:, :2]
        image = rng.permuted(np.tile(np.arange(ELEMENTS[1]), [rows, 1]), axis=1)[:, :2]
        shown = rng.integers(2, size=(rows, 2))
        logit = -1 + self.effect(age, title[np.arange(rows), shown[:, 0]])
        elements = np.concatenate([title, ELEMENTS[0] + image], 1)
        return {
            'context_ids': np.stack([age, USERS + ad], 1),
            'counts': np.full((rows, 2), 2, np.int32),
            'elements': elements.ravel(),
            'element_keys': self.keys[elements.ravel()],
            'shown': shown,
            'click': (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.float32),
            'weight': rng.choice([1.0, 2.0], rows).astype(np.float32),
        }


def test_table_has_a_row_without_content_for_all_that_is_not_listed():
    world = World()
    table = ContentTable(world.catalogue)
    rows = table.rows_of(world.keys)
    assert len(set(rows[:46])) == 46 and table.size == 47
    assert set(rows[46:]) == {46} == set(table.rows_of(np.array([-1, 5])))
    assert table.attributes[46].nnz == 0
    listed, vectors = table.vectors['title']
    np.testing.assert_allclose(vectors.mean(0), 0, atol=1e-6)
    assert np.square(vectors).sum(1).mean() == pytest.approx(1, rel=1e-5)
    scale = np.linalg.norm(world.vector - world.vector.mean(0)) / np.sqrt(ELEMENTS[0])
    expected = (world.vector - world.vector.mean(0)) / scale
    np.testing.assert_allclose(vectors[np.searchsorted(listed, rows[:40])], expected, atol=1e-5)


def test_ridge_is_the_solution_of_scikit_learn():
    linear_model = pytest.importorskip('sklearn.linear_model', reason='scikit-learn is not installed')
    world = World()
    data = [world.batch(2000, np.arange(30), seed) for seed in (1, 2)]
    policy = ContentRidge(TABLES, ContentTable(world.catalogue), ['age'], PRIORS)
    policy.fit(data)
    scale = np.linalg.norm(world.vector - world.vector.mean(0)) / np.sqrt(ELEMENTS[0])
    vectors = (world.vector - world.vector.mean(0)) / scale
    colours = np.eye(len(COLOURS))[world.colour] / np.sqrt(2)
    images = np.arange(ELEMENTS[1]) < 6  # The others are not listed and thus have no attributes.

    def columns(age, title, image):
        likes = np.concatenate([colours[title], np.full((len(title), 1), 1 / np.sqrt(2))], 1)
        likes = np.concatenate([likes, images[image][:, None]], 1)
        crossed = np.einsum('ra,rc->rac', np.eye(USERS)[age], likes).reshape(len(age), -1)
        own = np.concatenate([np.eye(ELEMENTS[0])[title], np.eye(ELEMENTS[1])[image]], 1)
        parts = (own, PRIORS.element), (likes, PRIORS.attribute), (crossed, PRIORS.crossed)
        return np.concatenate([x * std for x, std in (*parts, (vectors[title], PRIORS.vector))], 1)

    joined = {name: np.concatenate([batch[name] for batch in data]) for name in data[0]}
    age, ad = joined['context_ids'][:, 0], joined['context_ids'][:, 1] - USERS
    elements = joined['elements'].reshape(-1, 2, 2)
    title, image = (np.take_along_axis(elements[:, j], joined['shown'][:, [j]], 1)[:, 0] for j in (0, 1))
    design = np.concatenate([columns(age, title, image - ELEMENTS[0]), np.eye(ADS)[ad] * 0.6], 1)
    rate = joined['click'] @ joined['weight'] / joined['weight'].sum()
    weight = joined['weight'] * rate
    model = linear_model.PoissonRegressor(
        alpha=1 / weight.sum(), fit_intercept=False, tol=1e-10, max_iter=20_000
    )
    model.fit(design, joined['click'] / rate, sample_weight=weight)
    asked = world.batch(50, np.arange(40), 3)
    titles = asked['elements'].reshape(-1, 4)[:, :2]
    found = policy.element_scores(asked).reshape(-1, 4)[:, :2]
    ages = asked['context_ids'][:, 0]
    nothing = np.full(50, ELEMENTS[1] - 1)
    worth = [columns(ages, titles[:, k], nothing) @ model.coef_[:-ADS] for k in (0, 1)]
    np.testing.assert_allclose(found[:, 0] - found[:, 1], worth[0] - worth[1], atol=3e-3)


def _correlation(policy, world: World) -> float:
    """The mean rank correlation over ages of scores and true effects of titles that were never shown."""
    policy.fit([world.batch(4000, np.arange(30), seed) for seed in range(8)])
    new, found = np.arange(30, 40), []
    for age in range(USERS):
        batch = world.batch(1, new, 0) | {
            'context_ids': np.array([[age, USERS]]),
            'counts': np.array([[len(new), 0]], np.int32),
            'elements': new,
            'element_keys': world.keys[new],
        }
        combinations = np.stack([np.arange(len(new)), np.full(len(new), -1)], 1)[None]
        scores = policy.score_combinations(batch, combinations)[0]
        found.append(spearmanr(scores, world.effect(np.full(len(new), age), new)).statistic)
    return float(np.mean(found))


def test_ridge_judges_new_elements_by_their_content_and_the_user():
    world = World()
    table = ContentTable(world.catalogue)
    crossed = _correlation(ContentRidge(TABLES, table, ['age'], PRIORS), world)
    assert crossed > 0.85
    assert _correlation(ContentRidge(TABLES, table, (), PRIORS), world) < crossed


def test_trees_judge_new_elements_by_their_content():
    if find_spec('catboost') is None:
        pytest.skip('catboost is not installed')
    world = World()
    trees = content_peers(TABLES, world.catalogue, ['age'])['gradient_boosted_trees_content']
    assert _correlation(trees, world) > 0.6


def test_peers_are_named_after_those_without_content():
    names = {'poisson_ridge_content'} | (
        {'gradient_boosted_trees_content'} if find_spec('catboost') is not None else set()
    )
    assert content_peers(TABLES, World().catalogue).keys() == names
