import hashlib
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from creative_logs.catalogue.check import CatalogueChecker
from creative_logs.catalogue.schema import arrow_schema
from creative_logs.catalogue.write import CATALOGUE_FILE, write_catalogue
from creative_logs.simulator.config import SimulatorConfig
from creative_logs.simulator.content import (
    NEUTRAL_WORDS,
    STYLE_WORDS,
    THEME_WORDS,
    ElementContent,
    catalogue_batches,
    class_codes,
)
from creative_logs.simulator.world import STYLES, THEMES, World
from creative_logs.simulator.write import simulate
from tests.creative_logs.simulator.examples import simulated, small_config

MANY = np.arange(20_000)
MOST_ROWS = 4096


def content_of(component: int = 0, **changes) -> tuple[World, pa.RecordBatch]:
    """A world and the content of many of its elements, all of generation 0."""
    world = World(small_config(**changes))
    return world, ElementContent(world).rows(component, MANY, np.zeros_like(MANY))


def labels(rows: pa.RecordBatch) -> np.ndarray:
    """The labels in the attributes, theme and style: int64[E, 2]."""
    parsed = []
    for attributes in rows['attributes'].to_pylist():
        pairs = dict(attribute.split('=') for attribute in attributes)
        assert list(pairs) == ['theme', 'style']
        parsed.append([int(pairs['theme']), int(pairs['style'])])
    return np.array(parsed)


def truth(world: World, component: int = 0) -> np.ndarray:
    elements = world.elements(component, MANY, np.zeros_like(MANY))
    return np.stack([elements.theme, elements.style], axis=1)


def vectors(rows: pa.RecordBatch) -> np.ndarray:
    return np.array(rows['vector'].to_pylist())


def explained(vector: np.ndarray, target: np.ndarray) -> float:
    """The share of the target's variance that a least-squares regression on the vectors explains."""
    inputs = np.column_stack([vector, np.ones(len(vector))])
    rest = target - inputs @ np.linalg.lstsq(inputs, target, rcond=None)[0]
    return 1 - rest.var() / target.var()


def within_binomial_bounds(hits: np.ndarray, probability: float) -> bool:
    deviation = np.sqrt(len(hits) * probability * (1 - probability))
    return abs(hits.sum() - len(hits) * probability) <= 4 * deviation


@pytest.mark.parametrize('share', [0.0, 0.1, 0.5, 1.0])
def test_the_configured_share_of_labels_is_wrong(share):
    world, rows = content_of(label_error_share=share)
    wrong = labels(rows) != truth(world)
    assert within_binomial_bounds(wrong[:, 0], share)
    assert within_binomial_bounds(wrong[:, 1], share)
    assert within_binomial_bounds(wrong.all(axis=1), share**2)  # independently of each other


def test_a_wrong_label_is_any_of_the_others():
    world, rows = content_of(label_error_share=1.0)
    for kind, classes in enumerate((THEMES, STYLES)):
        given_, true = labels(rows)[:, kind], truth(world)[:, kind]
        counts = np.histogram2d(true, given_, bins=classes)[0]
        assert (np.diag(counts) == 0).all()
        others = counts[~np.eye(classes, dtype=bool)]
        assert stats.chisquare(others).pvalue > 1e-3


def test_texts_have_two_words_of_either_label_and_two_that_tell_nothing():
    _, rows = content_of(label_error_share=0.5)
    vocabularies = [set(words.split()) for words in (*THEME_WORDS, *STYLE_WORDS, NEUTRAL_WORDS)]
    assert sum(map(len, vocabularies)) == len(set.union(*vocabularies))
    meaning = {word: number for number, words in enumerate(vocabularies) for word in words}
    for text, (theme, style) in zip(rows['text'].to_pylist(), labels(rows)):
        words = text.split(' ')
        assert len(set(words)) == 6
        told = sorted(meaning[word] for word in words)
        assert told == [theme] * 2 + [THEMES + style] * 2 + [THEMES + STYLES] * 2
    used = {word for text in rows['text'].to_pylist() for word in text.split()}
    assert used == set(meaning)
    first = [meaning[text.split()[0]] for text in rows['text'].to_pylist()]
    assert within_binomial_bounds(np.array(first) == THEMES + STYLES, 1 / 3)


@pytest.mark.parametrize('share', [0.0, 0.3, 0.9])
def test_vectors_tell_the_configured_share_of_quality(share):
    world, rows = content_of(vector_quality_share=share)
    quality = world.elements(0, MANY, np.zeros_like(MANY)).quality
    assert explained(vectors(rows), quality) == pytest.approx(share, abs=0.02)
    assert stats.kstest(quality, 'norm').pvalue > 1e-3


def test_vectors_can_tell_quality_exactly():
    world, rows = content_of(vector_quality_share=1.0, vector_dimensions=10)
    quality = world.elements(0, MANY, np.zeros_like(MANY)).quality
    assert explained(vectors(rows), quality) > 1 - 1e-6


@pytest.mark.parametrize('dimensions', [10, 32])
def test_vectors_tell_theme_and_style_as_labelled(dimensions):
    _, rows = content_of(vector_dimensions=dimensions)
    for kind, classes in enumerate((THEMES, STYLES)):
        for number in range(classes):
            target = (labels(rows)[:, kind] == number).astype(float)
            assert explained(vectors(rows), target) > 1 - 1e-6


def test_no_direction_of_the_vectors_stands_out():
    world, rows = content_of(vector_quality_share=0.9)
    vector = vectors(rows)
    assert vector.mean(axis=0) == pytest.approx(0, abs=0.01)
    assert np.cov(vector.T) * 32 == pytest.approx(np.eye(32), abs=0.06)
    assert (vector**2).sum(axis=1).mean() == pytest.approx(1, abs=0.01)
    quality = world.elements(0, MANY, np.zeros_like(MANY)).quality
    alone = [explained(vector[:, [i]], quality) for i in range(32)]
    assert max(alone) < 0.5 and sum(alone) == pytest.approx(0.9, abs=0.03)


def test_components_and_seeds_have_rotations_of_their_own():
    directions = []
    for component, seed in ((0, 1), (1, 1), (0, 2)):
        world, rows = content_of(component, seed=seed, vector_quality_share=1.0)
        quality = world.elements(component, MANY, np.zeros_like(MANY)).quality
        direction = np.linalg.lstsq(vectors(rows), quality, rcond=None)[0]
        directions.append(direction / np.linalg.norm(direction))
    cosines = np.array(directions) @ np.transpose(directions)
    assert (abs(cosines[~np.eye(3, dtype=bool)]) < 0.7).all()


@pytest.mark.parametrize('classes', [2, 3, 8])
def test_codes_of_classes_are_centred_uncorrelated_and_equally_far_apart(classes):
    codes = class_codes(classes)
    assert codes.shape == (classes, classes - 1)
    assert codes.mean(axis=0) == pytest.approx(0)
    assert codes.T @ codes / classes == pytest.approx(np.eye(classes - 1))
    distances = np.linalg.norm(codes[:, None] - codes, axis=2)
    assert distances[~np.eye(classes, dtype=bool)] == pytest.approx(np.sqrt(2 * classes))


def test_the_content_of_an_element_does_not_depend_on_its_batch():
    world = World(small_config())
    generation = MANY % 5
    together = ElementContent(world).rows(2, MANY, generation)
    some = np.array([19_000, 3, 4, 777])
    alone = ElementContent(World(small_config())).rows(2, MANY[some], generation[some])
    for name in ('component', 'id', 'text', 'attributes', 'picture'):
        assert alone[name].to_pylist() == [together[name][i].as_py() for i in some]
    assert vectors(alone) == pytest.approx(vectors(together)[some], abs=1e-6)


def test_generations_of_an_element_have_content_of_their_own():
    world = World(small_config())
    rows = ElementContent(world).rows(0, np.zeros(50, int), np.arange(50))
    assert len(set(rows['text'].to_pylist())) > 40
    assert len(np.unique(vectors(rows), axis=0)) == 50


def candidates(config: SimulatorConfig, days) -> set[tuple[str, str]]:
    """Component and id of every candidate of every ad, ad by ad and day by day."""
    world, found = World(config), set()
    for j, component in enumerate(config.components):
        for day in days:
            for ad in range(config.ads):
                slots = world.slots(j, np.array([ad]), day)
                pairs = zip(slots.pool, slots.generation)
                found |= {(component.name, f'{component.name}_{p}_{g}') for p, g in pairs}
    return found


@pytest.mark.parametrize('new', [0.0, 0.3, 1.0])
@pytest.mark.parametrize('days', [None, (3,), (4, 1)])
def test_every_candidate_is_listed_once(new, days):
    config = small_config(days=6, new_elements_per_day=new)
    batches = list(catalogue_batches(World(config), days))
    listed = [(row['component'], row['id']) for batch in batches for row in batch.to_pylist()]
    assert len(listed) == len(set(listed))
    assert set(listed) == candidates(config, range(6) if days is None else days)


def test_no_days_list_no_element():
    assert list(catalogue_batches(World(small_config()), ())) == []


def test_batches_are_bounded():
    config = small_config(ads=10_000, days=3, vector_dimensions=10)
    batches = list(catalogue_batches(World(config)))
    assert max(batch.num_rows for batch in batches) == MOST_ROWS
    assert {batch.schema for batch in batches} == {arrow_schema()}


def test_the_catalogue_passes_the_check_and_lists_the_candidates_of_the_logs(tmp_path):
    config = small_config(days=3, rows=2000, new_elements_per_day=0.2)
    simulate(config, tmp_path / 'logs')
    schema = config.log_schema(content=True)
    checker = CatalogueChecker(schema)
    good = pa.Table.from_batches(list(checker.good_rows(tmp_path / 'logs' / CATALOGUE_FILE)))
    assert (checker.report.tally.bad_rows, checker.report.unused) == (0, {})
    for counts in checker.report.components.values():
        assert counts.elements == counts.texts == counts.attributes == counts.vectors > 0
    for component in schema.components:
        listed = set(good.filter(pc.equal(good['component'], component.name))['id'].to_pylist())
        for file in (tmp_path / 'logs').glob('*/*/*.parquet'):
            logged = pq.read_table(file)[component.candidates].to_pylist()
            assert {element for ids in logged for element in ids} <= listed


def logs_and_catalogue(folder) -> tuple[dict[str, bytes], bytes]:
    logs = {str(p.relative_to(folder)): p.read_bytes() for p in folder.glob('*/*/*.parquet')}
    return logs, (folder / CATALOGUE_FILE).read_bytes()


@pytest.mark.parametrize(
    'changes', [{'label_error_share': 0.7}, {'vector_quality_share': 0.9}, {'vector_dimensions': 11}]
)
def test_the_logs_do_not_depend_on_the_catalogue(tmp_path, changes):
    simulate(small_config(), tmp_path / 'one')
    simulate(small_config(**changes), tmp_path / 'two')
    logs, catalogue = logs_and_catalogue(tmp_path / 'one')
    other_logs, other_catalogue = logs_and_catalogue(tmp_path / 'two')
    assert len(logs) == 4 and logs == other_logs
    assert catalogue != other_catalogue


def test_the_logs_are_those_written_before_there_was_a_catalogue():
    """The digest is of the discrete columns, which rounding of floats on another machine cannot change."""
    rows = simulated(small_config(rows=1000), 'train', day=1)[1]
    names = [
        'request_id',
        'timestamp',
        'click',
        *(c for c in rows.schema.names if c.startswith(('title', 'image'))),
    ]
    values = [rows[name].to_pylist() for name in names if not name.endswith('propensity')]
    digest = hashlib.sha256(repr(values).encode()).hexdigest()
    assert digest == 'f15f4f3257090548dcde50cfe54513f3e5cce8673ce066dbbf967ed8c105c689'


def test_the_oracle_does_not_depend_on_the_catalogue():
    known, rows = simulated(small_config(), 'test')
    other, _ = simulated(small_config(label_error_share=1.0, vector_quality_share=1.0), 'test')
    for one, two in zip(known.best(rows), other.best(rows)):
        assert one.tolist() == two.tolist()


def test_content_is_part_of_the_schema_if_asked_for():
    config = small_config(vector_dimensions=17)
    plain, told = config.log_schema(), config.log_schema(content=True)
    assert plain.with_content == ()
    assert told.arrow_schema() == plain.arrow_schema()
    for component in told.components:
        assert component.content.model_dump() == {'text': True, 'attributes': True, 'vector': 17}


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**31),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(10, 70),
    st.floats(0, 1),
    st.integers(1, 9),
)
def test_every_possible_world_has_a_catalogue_without_a_bad_row(seed, errors, share, dimensions, new, days):
    config = small_config(
        seed=seed,
        days=days,
        label_error_share=errors,
        vector_quality_share=share,
        vector_dimensions=dimensions,
        new_elements_per_day=new,
    )
    checker = CatalogueChecker(config.log_schema(content=True))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, CATALOGUE_FILE)
        write_catalogue(file, catalogue_batches(World(config)))
        good = pa.Table.from_batches(list(checker.good_rows(file)))
        assert (checker.report.tally.rows, checker.report.tally.bad_rows) == (good.num_rows, 0)
    assert set(good['component'].to_pylist()) == {'title', 'image', 'badge_text'}
