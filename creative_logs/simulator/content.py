"""What the catalogue of a simulated world says about its elements: texts, attributes and vectors."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from creative_logs.catalogue.schema import (
    ATTRIBUTES,
    COMPONENT,
    ELEMENT_ID,
    PICTURE,
    TEXT,
    VECTOR,
    arrow_schema,
)
from creative_logs.counter_rng import Draws
from creative_logs.simulator.generate import element_ids
from creative_logs.simulator.world import STYLES, THEMES, World

THEME_WORDS = (
    'runner trail outdoor summit training fitness',
    'family baby nursery toddler playful gentle',
    'kitchen recipe flavour roast baking harvest',
    'gadget wireless battery charging digital smart',
    'garden bloom terrace meadow seedling orchard',
    'travel luggage island harbour weekend journey',
    'office desk notebook meeting focus planner',
    'music concert vinyl guitar rhythm studio',
)
STYLE_WORDS = (
    'bold striking vivid loud neon huge',
    'plain minimal quiet neutral simple subtle',
    'vintage retro antique classic heritage nostalgic',
)
NEUTRAL_WORDS = 'new today here get choice offer now more free discover save only'
_WORDS = tuple(word for words in (*THEME_WORDS, *STYLE_WORDS, NEUTRAL_WORDS) for word in words.split())
_WORDS_PER_CLASS = 6
_WORDS_PER_TEXT = 6
_FIRST_STYLE_WORD = THEMES * _WORDS_PER_CLASS
_FIRST_NEUTRAL_WORD = _FIRST_STYLE_WORD + STYLES * _WORDS_PER_CLASS

_BATCH_ROWS = 4096
_STEP_ADS = 100_000
_STEP_GENERATIONS = 1_000_000


class ElementContent:
    """The content of simulated elements: what the words and the picture of a real creative would tell of it.

    An element has a label for its theme and one for its style. Each is wrong with the probability
    `label_error_share`, and a wrong label is equally likely to be any of the others. Text, attributes and
    vector all follow the same labels. The text has two words of the theme, two of the style and two that tell
    nothing, in random order; the attributes are `theme=<number>` and `style=<number>`.

    With V = `vector_dimensions` and s = `vector_quality_share`, the vector is Q u / sqrt(V), where

        u[0] = sqrt(s) quality + sqrt(1 - s) noise,
        u[1] ... u[7] are the code of the theme's label and u[8], u[9] that of the style's (`class_codes`),
        u[10] ... u[V - 1] are standard normal noise,

    and Q is a random rotation of the component. The values of u are uncorrelated with mean 0 and variance 1:
    no direction of the vectors stands out by its variance.

    Args:
        world: The simulated world.
    """

    def __init__(self, world: World):
        self._world = world
        self._config = world.config
        self._draws = Draws(world.config.seed)

    def rows(self, component: int, pool: np.ndarray, generation: np.ndarray) -> pa.RecordBatch:
        """The rows of the catalogue for E elements of one component.

        Args:
            component: The index of the component.
            pool: The number of each element within the pool of the component, int64[E].
            generation: The generation of each element, int64[E].
        """
        keys = (component, pool, generation)
        elements = self._world.elements(*keys)
        theme = self._label('theme', elements.theme, THEMES, *keys)
        style = self._label('style', elements.style, STYLES, *keys)
        columns = {
            COMPONENT: pa.repeat(self._config.components[component].name, len(pool)),
            ELEMENT_ID: element_ids(self._config, *keys),
            TEXT: self._texts(theme, style, *keys),
            ATTRIBUTES: _attributes(theme, style),
            VECTOR: self._vectors(elements.quality, theme, style, *keys),
            PICTURE: pa.nulls(len(pool), pa.string()),
        }
        return pa.RecordBatch.from_pydict(columns, schema=arrow_schema())

    def _label(self, name: str, truth: np.ndarray, classes: int, *keys) -> np.ndarray:
        wrong = self._draws.uniform(f'{name} label is wrong', *keys) < self._config.label_error_share
        other = truth + 1 + self._draws.integers(classes - 1, f'wrong {name} label', *keys)
        return np.where(wrong, other % classes, truth)

    def _texts(self, theme: np.ndarray, style: np.ndarray, *keys) -> pa.Array:
        neutral = len(_WORDS) - _FIRST_NEUTRAL_WORD
        words = [theme * _WORDS_PER_CLASS + w for w in self._two(_WORDS_PER_CLASS, 'theme word', *keys)]
        first = _FIRST_STYLE_WORD + style * _WORDS_PER_CLASS
        words += [first + w for w in self._two(_WORDS_PER_CLASS, 'style word', *keys)]
        words += [_FIRST_NEUTRAL_WORD + w for w in self._two(neutral, 'neutral word', *keys)]
        component, pool, generation = keys
        places = np.arange(_WORDS_PER_TEXT)
        order = self._draws.uniform('word order', component, pool[:, None], generation[:, None], places)
        index = np.take_along_axis(np.stack(words, axis=1), order.argsort(axis=1), axis=1)
        return pc.binary_join(_lists(pa.array(_WORDS).take(pa.array(index.ravel())), len(pool)), ' ')

    def _two(self, number: int, purpose: str, *keys) -> tuple[np.ndarray, np.ndarray]:
        """Two different numbers below `number` per element, int64[E] each."""
        first = self._draws.integers(number, f'first {purpose}', *keys)
        step = 1 + self._draws.integers(number - 1, f'second {purpose}', *keys)
        return first, (first + step) % number

    def _vectors(self, quality: np.ndarray, theme: np.ndarray, style: np.ndarray, *keys) -> pa.Array:
        component, pool, generation = keys
        size, told = self._config.vector_dimensions, self._config.vector_quality_share
        values = self._draws.normal('vector', component, pool[:, None], generation[:, None], np.arange(size))
        values[:, 0] = np.sqrt(told) * quality + np.sqrt(1 - told) * values[:, 0]
        values[:, 1:THEMES] = class_codes(THEMES)[theme]
        values[:, THEMES : THEMES + STYLES - 1] = class_codes(STYLES)[style]
        vectors = values @ _rotation(self._config.seed, component, size) / np.sqrt(size)
        return _lists(pa.array(vectors.astype(np.float32).ravel()), len(pool))


def class_codes(classes: int) -> np.ndarray:
    """A code for each of K classes, float64[K, K - 1] (Helmert contrasts).

    Every column has the mean 0 and the variance 1, the columns are uncorrelated, and all pairs of classes
    are equally far apart.
    """
    row, column = np.arange(classes)[:, None], np.arange(1, classes)
    contrasts = np.where(row < column, 1, np.where(row == column, -column, 0))
    return contrasts * np.sqrt(classes / (column * (column + 1)))


def catalogue_batches(world: World, days: Iterable[int] | None = None) -> Iterator[pa.RecordBatch]:
    """Yields, in batches of bounded size, every element that is a candidate of some ad on some of the days.

    Each element is listed once, with the columns of the catalogue; elements are ordered by component, number
    within the pool and generation.

    Args:
        world: The simulated world.
        days: The numbers of the days, counted from 0. If None, all days of the world.
    """
    content = ElementContent(world)
    numbers = sorted(set(range(world.config.days) if days is None else days))
    step = max(_STEP_GENERATIONS // max(len(numbers), 1), 1)
    for component in range(len(world.config.components)):
        occurring = _occurring(world, component)
        for start in range(0, len(occurring), step):
            pool, generation = _generations(world, component, occurring[start : start + step], numbers)
            for first in range(0, len(pool), _BATCH_ROWS):
                part = slice(first, first + _BATCH_ROWS)
                yield content.rows(component, pool[part], generation[part])


def _occurring(world: World, component: int) -> np.ndarray:
    """The numbers within the pool that ads have among their candidates, in ascending order."""
    occurs = np.zeros(world.pool_size(component), bool)
    for start in range(0, world.config.ads, _STEP_ADS):
        ads = np.arange(start, min(start + _STEP_ADS, world.config.ads))
        occurs[world.slots(component, ads, day=0).pool] = True  # Only generations differ between days.
    return np.flatnonzero(occurs)


def _generations(
    world: World, component: int, pool: np.ndarray, days: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """The pool number and the generation of every element that exists on one of the ascending days."""
    generation = np.array([world.generation(component, pool, day) for day in days]).reshape(-1, len(pool)).T
    new = np.diff(generation, axis=1, prepend=-1) > 0
    return pool[np.nonzero(new)[0]], generation[new]


@lru_cache(maxsize=16)
def _rotation(seed: int, component: int, size: int) -> np.ndarray:
    """A random orthogonal matrix, uniform over all of them (Mezzadri 2007), float64[size, size]."""
    draws = Draws(seed).normal('rotation of vectors', component, np.arange(size * size))
    orthogonal, triangular = np.linalg.qr(draws.reshape(size, size))
    return orthogonal * np.sign(np.diag(triangular))


def _attributes(theme: np.ndarray, style: np.ndarray) -> pa.Array:
    known = pa.array([f'theme={k}' for k in range(THEMES)] + [f'style={k}' for k in range(STYLES)])
    return _lists(known.take(pa.array(np.stack([theme, THEMES + style], axis=1).ravel())), len(theme))


def _lists(values: pa.Array, rows: int) -> pa.ListArray:
    """The values as lists of equal length, one per row."""
    length = len(values) // max(rows, 1)
    return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1) * length, pa.int32()), values)
