"""Converts the Upworthy Research Archive to click logs with real clicks under a random policy.

Each test becomes an ad; its packages are the shown combinations, each with the same probability.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from creative_logs.atomic_write import new_folder
from creative_logs.catalogue.schema import COMPONENT, ELEMENT_ID, TEXT, arrow_schema
from creative_logs.catalogue.write import CATALOGUE_FILE, write_catalogue
from creative_logs.errors import InputError
from creative_logs.schema import (
    CLICK,
    POLICY,
    REQUEST_ID,
    SPLITS,
    TEST,
    TIMESTAMP,
    TRAIN,
    WEIGHT,
    Component,
    ContextFeature,
    LogSchema,
)
from creative_logs.upworthy.source import TEST as TEST_ID
from creative_logs.upworthy.source import WEEK, month_of_week, read_packages

SOURCE_COLUMNS = {'headline': 'headline', 'image': 'eyecatcher_id', 'excerpt': 'excerpt', 'lede': 'lede'}
NO_ELEMENT = 'none'
LARGEST_WEIGHT = 1 << 24  # Up to here, float32 represents every integer.
_CHUNK_ROWS = 50_000


@dataclass(frozen=True)
class Counts:
    """The impressions and clicks of every package in one split, int64[packages] each."""

    impressions: np.ndarray
    clicks: np.ndarray


def log_schema() -> LogSchema:
    """The schema of the converted logs."""
    components = tuple(Component(name=name, text=name != 'image') for name in SOURCE_COLUMNS)
    return LogSchema(context=(ContextFeature(name='ad_id'),), components=components)


def split_impressions(
    impressions: np.ndarray, clicks: np.ndarray, train_share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draws, without replacement, the impressions of each package for training and for testing.

    Half of the impressions, rounded down, are for testing. The share for training is taken from the other
    half; it is rounded up or down at random such that its expectation is exact.

    Args:
        impressions: The impressions of each package, int64[packages].
        clicks: The clicks of each package, int64[packages].
        train_share: The share of all impressions for training, above 0 and at most 0.5.
        rng: The random number generator.

    Returns:
        Train impressions, train clicks, test impressions and test clicks, int64[packages] each.

    Raises:
        InputError: The share is out of range.
    """
    if not 0 < train_share <= 0.5:
        raise InputError(f'train share must be above 0 and at most 0.5, got {train_share}')
    test = impressions // 2
    train = np.floor(train_share * impressions + rng.random(len(impressions))).astype(np.int64)
    test_clicks = rng.hypergeometric(clicks, impressions - clicks, test)
    clicks_left = clicks - test_clicks
    train_clicks = rng.hypergeometric(clicks_left, impressions - test - clicks_left, train)
    return train, train_clicks, test, test_clicks


def convert(
    source: str | Path,
    out: str | Path,
    train_share: float,
    seed: int = 1,
    max_weight: int = 64,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict:
    """Writes the logs, one folder per month, with the splits train and test, and the catalogue of their texts.

    Args:
        source: The archive's CSV file of packages, or a Parquet file with the same columns.
        out: The folder to write; it must be absent or empty.
        train_share: The share of all impressions to train on, above 0 and at most 0.5.
        seed: The seed of the split and of the times of the impressions.
        max_weight: The largest number of impressions without a click that one training row represents.
            Each click has a training row of its own, because clicks that arrive in groups mislead an
            online learner. The test split has one row per package and click value. With 1, every
            impression is a row in both splits.
        progress: Called with the number of months written and the number of all months.

    Returns:
        The rows, impressions and clicks of each split, and the numbers of `packages` and `tests`.

    Raises:
        InputError: The source is invalid, a value is out of range, `out` is not empty, or a month has no
            rows in a split.
    """
    if not 1 <= max_weight <= LARGEST_WEIGHT:
        raise InputError(f'max weight must be between 1 and {LARGEST_WEIGHT}, got {max_weight}')
    packages = read_packages(source)
    rng = np.random.default_rng(seed)
    counts = packages['impressions'].to_numpy(), packages['clicks'].to_numpy()
    drawn = split_impressions(*counts, train_share, rng)
    splits = {TRAIN: Counts(*drawn[:2]), TEST: Counts(*drawn[2:])}
    weights = {TRAIN: max_weight, TEST: 1 if max_weight == 1 else LARGEST_WEIGHT}
    columns = package_columns(packages)
    months = np.array([month_of_week(week) for week in packages[WEEK].to_pylist()], 'datetime64[D]')
    rows = dict.fromkeys(SPLITS, 0)
    every_month = np.unique(months)
    with new_folder(out) as folder:
        write_catalogue(folder / CATALOGUE_FILE, catalogue_batches(packages))
        for done, month in enumerate(every_month, start=1):
            for split in SPLITS:
                here = np.flatnonzero(months == month)
                path = folder / str(month) / split / 'part-00000.parquet'
                rows[split] += _write(path, columns, splits[split], here, weights[split], month, rng)
            progress(done, len(every_month))
    figures = {'packages': packages.num_rows, 'tests': len(packages[TEST_ID].unique())}
    for split, count in splits.items():
        totals = {'impressions': int(count.impressions.sum()), 'clicks': int(count.clicks.sum())}
        figures[split] = {'rows': rows[split], **totals}
    return figures


def package_columns(packages: pa.Table) -> dict[str, pa.Array]:
    """The columns of the log that are equal for all impressions of a package, one entry per package.

    Args:
        packages: The packages, as `read_packages` returns them.
    """
    test, members = _tests(packages)
    columns = {'ad_id': packages[TEST_ID].combine_chunks()}
    for component in log_schema().components:
        values = packages[SOURCE_COLUMNS[component.name]].to_pylist()
        columns |= _component_columns(component, values, test, members)
    return columns


def catalogue_batches(packages: pa.Table) -> Iterator[pa.RecordBatch]:
    """Yields the rows of the catalogue: the texts of all candidates, one batch per component that has texts.

    Candidates of several tests are listed once. An id is a hash of the text, so that an id has one text; the
    absence of an element has the text ''.

    Args:
        packages: The packages, as `read_packages` returns them.
    """
    _, members = _tests(packages)
    for component in log_schema().components:
        if not component.text:
            continue
        values = packages[SOURCE_COLUMNS[component.name]].to_pylist()
        elements = dict.fromkeys(element for test in _candidates(values, members) for element in test)
        rows = [
            {COMPONENT: component.name, ELEMENT_ID: _element_id(component, element), TEXT: element or ''}
            for element in elements
        ]
        yield pa.RecordBatch.from_pylist(rows, schema=arrow_schema())


def _tests(packages: pa.Table) -> tuple[np.ndarray, list[np.ndarray]]:
    """The number of each package's test, int64[packages], and the packages of each test."""
    test = packages[TEST_ID].combine_chunks().dictionary_encode().indices.to_numpy()
    return test, np.split(np.argsort(test, kind='stable'), np.cumsum(np.bincount(test))[:-1])


def _candidates(values: list[str | None], members: list[np.ndarray]) -> list[list[str | None]]:
    """The candidates of each test: the distinct values of its packages, or none where no package has a value."""
    distinct = [list(dict.fromkeys(values[i] for i in packages)) for packages in members]
    return [[] if candidates == [None] else candidates for candidates in distinct]


def _component_columns(
    component: Component, values: list[str | None], test: np.ndarray, members: list[np.ndarray]
) -> dict[str, pa.Array]:
    """The candidates, shown index, texts and propensity of one component, one entry per package.

    The candidates of a test are the distinct values of its packages. If only some packages have a value, its
    absence is an element too. The propensity of an element is the share of packages that have it.
    """
    candidates = _candidates(values, members)
    shown, propensity = np.full(len(values), -1), np.full(len(values), np.nan)
    for packages, elements in zip(members, candidates):
        if elements:
            shown[packages] = [elements.index(values[i]) for i in packages]
            propensity[packages] = np.bincount(shown[packages])[shown[packages]] / len(packages)
    ids = [[_element_id(component, element) for element in elements] for elements in candidates]
    columns = {
        component.candidates: _per_package(ids, test),
        component.shown: pa.array(shown),
        component.propensity: pa.array(propensity.astype(np.float32), from_pandas=True),
    }
    if component.text:
        texts = [[element or '' for element in elements] for elements in candidates]
        columns[component.texts] = _per_package(texts, test)
    return columns


def _element_id(component: Component, element: str | None) -> str:
    if element is None:
        return NO_ELEMENT
    return hashlib.blake2b(element.encode(), digest_size=8).hexdigest() if component.text else element


def _per_package(lists: list[list[str]], test: np.ndarray) -> pa.Array:
    """Repeats the list of each test for its packages, dictionary-encoded for fast writing to Parquet."""
    array = pa.array(lists, pa.list_(pa.string()))
    encoded = pa.ListArray.from_arrays(array.offsets, array.values.dictionary_encode())
    return encoded.take(pa.array(test))


def _write(
    path: Path,
    columns: dict[str, pa.Array],
    counts: Counts,
    packages: np.ndarray,
    max_weight: int,
    month: np.datetime64,
    rng: np.random.Generator,
) -> int:
    """Writes one split of one month and returns the number of rows."""
    package, click, weight = impression_rows(counts, packages, max_weight)
    if len(package) == 0:
        raise InputError(
            f'{path.parent.parent.name}: no impression of this month falls into the {path.parent.name} '
            f'split; use a larger train share'
        )
    begin, end = (
        (month.astype('datetime64[M]') + n).astype('datetime64[ms]').astype(np.int64) for n in (0, 1)
    )
    times = np.sort(rng.integers(begin, end, size=len(package)))
    order = rng.permutation(len(package))
    path.parent.mkdir(parents=True)
    writer: Any = None
    for start in range(0, len(order), _CHUNK_ROWS):
        part = slice(start, start + _CHUNK_ROWS)
        rows = order[part]
        numbers = np.arange(start, start + len(rows))
        batch = pa.RecordBatch.from_pydict(
            {
                REQUEST_ID: pa.array([f'{month}-{path.parent.name}-{n}' for n in numbers]),
                TIMESTAMP: pa.array(times[part]),
                **{name: column.take(pa.array(package[rows])) for name, column in columns.items()},
                CLICK: pa.array(click[rows]),
                WEIGHT: pa.array(weight[rows].astype(np.float32)),
                POLICY: pa.repeat('uniform', len(rows)),
            }
        )
        writer = writer or pq.ParquetWriter(path, batch.schema, store_schema=False)
        writer.write_batch(batch)
    writer.close()
    return len(order)


def impression_rows(
    counts: Counts, packages: np.ndarray, max_weight: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The package, click and weight of every row, int64[R] each.

    The impressions of a package are spread evenly over its rows. Every click has a row of weight 1, unless
    `max_weight` is LARGEST_WEIGHT.

    Args:
        counts: The counts of all packages.
        packages: The numbers of the packages to return rows of.
        max_weight: The largest weight of a row; with LARGEST_WEIGHT, clicks are summed up too.
    """
    clicks = counts.clicks[packages]
    impressions = np.concatenate([counts.impressions[packages] - clicks, clicks])
    package = np.concatenate([packages, packages])
    click = np.repeat([0, 1], len(packages))
    clicks_at_once = max_weight if max_weight == LARGEST_WEIGHT else 1
    pieces = -(-impressions // np.repeat([max_weight, clicks_at_once], len(packages)))
    base, rest = np.divmod(impressions, np.maximum(pieces, 1))
    piece = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    weight = np.repeat(base, pieces) + (piece < np.repeat(rest, pieces))
    return np.repeat(package, pieces), np.repeat(click, pieces), weight
