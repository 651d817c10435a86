"""The tests of the Upworthy archive in memory, transformed once, then split and expanded to impressions."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import scipy.sparse
import tensorflow as tf

from benchmarks.common.packed_rows import PackedRows
from benchmarks.common.transformed_logs import examples_of, transform_logs
from creative_logs.catalogue.read import catalogue_files, read_catalogue
from creative_logs.catalogue.schema import COMPONENT, ELEMENT_ID, VECTOR
from creative_logs.errors import InputError
from creative_logs.schema import (
    CLICK,
    REQUEST_ID,
    TIMESTAMP,
    TRAIN,
    Component,
    Content,
    LogSchema,
)
from creative_logs.upworthy.convert import (
    Counts,
    impression_rows,
    log_schema,
    package_columns,
    split_impressions,
)
from creative_logs.upworthy.source import TEST, WEEK, month_of_week, read_packages
from model.config import GencoConfig
from model.features.example_reader import read
from model.features.feature_tables import FeatureTables
from model.features.packed_batch import Batch
from model.features.preprocessing import feature_tables_of

_VARYING = ('headline', 'eyecatcher_id')
_STORY = ('headline', 'eyecatcher_id', 'lede')
_MOST_IMPRESSIONS_PER_ROW = 64
_SEED_OF_HALVES = 22


@dataclass(frozen=True)
class Split:
    """The impressions and clicks of P packages for training and for testing."""

    train: Counts
    test: Counts

    def without(self, packages: np.ndarray) -> 'Split':
        """Returns the split without the training impressions of the given packages, bool [P]."""
        impressions, clicks = (np.where(packages, 0, n) for n in (self.train.impressions, self.train.clicks))
        return Split(Counts(impressions, clicks), self.test)


@dataclass(frozen=True)
class UpworthyLog:
    """The tests in which headline or image varies, with P packages.

    Attributes:
        tables: The feature tables of the batch.
        batch: The packed packages, one row each; the shown elements are those of the package.
        test: The number of each package's test, ascending from 0, int64 [P].
        story: The number of each package's story, int64 [P]. Tests that share a headline, an image or a lede
            belong to the same story.
        month: The month of each package's test, datetime64 [P].
        counts: The impressions and clicks of each package.
    """

    tables: FeatureTables
    batch: Batch
    test: np.ndarray
    story: np.ndarray
    month: np.ndarray
    counts: Counts

    def split(self, train_share: float, seed: int) -> Split:
        """Draws half of the impressions for testing, and a share of all, out of the rest, for training."""
        rng = np.random.default_rng(seed)
        drawn = split_impressions(self.counts.impressions, self.counts.clicks, train_share, rng)
        return Split(Counts(*drawn[:2]), Counts(*drawn[2:]))

    def training_data(self, rows: PackedRows, counts: Counts, seed: int, batch_size: int) -> tf.data.Dataset:
        """Returns batches of impressions, ordered by month and shuffled within each month.

        A row is one click, or at most 64 impressions without a click, as in the logs of `genco convert`.

        Args:
            rows: The rows of `batch`.
            counts: The impressions and clicks to train on.
            seed: The seed of the order.
            batch_size: The batch size B.
        """
        package, click, weight = impression_rows(counts, np.arange(len(self.test)), _MOST_IMPRESSIONS_PER_ROW)
        order = np.random.default_rng(seed).permutation(len(package))
        order = order[np.argsort(self.month[package[order]], kind='stable')]
        return rows.impressions(package[order], click[order], weight[order], batch_size)


def benchmark_config(catalogue: str | Path | None = None) -> GencoConfig:
    """The default configuration, but with tables so large that hardly any two ids share a row.

    Args:
        catalogue: A catalogue of `genco convert`, from which texts and vectors then come. If None, texts come
            from the logs.

    Raises:
        InputError: The catalogue cannot be read, or describes no component of the logs.
    """
    schema = log_schema()
    if catalogue is not None:
        dimensions = _dimensions(catalogue)
        components = tuple(_described(component, dimensions) for component in schema.components)
        schema = schema.model_copy(update={'components': components})
        if not schema.with_content:
            raise InputError(f'{catalogue}: describes none of {", ".join(c.name for c in components)}')
    return GencoConfig(log_schema=schema, transform={'frequent_threshold': 1, 'load_factor': 64})


def without_vectors(schema: LogSchema) -> LogSchema:
    """The schema of models that read the texts of the catalogue, but not its vectors."""
    components = tuple(
        c.model_copy(update={'content': Content(text=True)}) if c.content else c for c in schema.components
    )
    return schema.model_copy(update={'components': components})


def load(
    source: str | Path, config: GencoConfig, most_tests: int | None = None, half: int | None = None
) -> UpworthyLog:
    """Reads the archive and transforms each package with the transforms of the pipeline.

    Args:
        source: The archive's packages, a CSV or Parquet file.
        config: The configuration of the transforms.
        most_tests: The largest number of tests; if there are more, a random sample is used. None for all.
        half: 1 or 2 for the tests of one random half of the stories. None for all.

    Raises:
        InputError: The file is invalid, or holds no test whose headline or image varies.
    """
    packages = packages_of(source, most_tests, half)
    tables, batch = _transformed(packages, config)
    test = _numbers(packages[TEST])
    return UpworthyLog(
        tables=tables,
        batch=batch,
        test=test,
        story=_stories(packages, test),
        month=np.array([month_of_week(week) for week in packages[WEEK].to_pylist()], 'datetime64[D]'),
        counts=Counts(packages['impressions'].to_numpy(), packages['clicks'].to_numpy()),
    )


def packages_of(source: str | Path, most_tests: int | None = None, half: int | None = None) -> pa.Table:
    """The packages that `load` reads with the same arguments, grouped by test.

    Raises:
        InputError: The file is invalid, or holds no test whose headline or image varies.
    """
    packages = _sampled(_half(_varying(read_packages(source)), half), most_tests)
    if packages.num_rows == 0:
        raise InputError(f'{source}: holds no test whose headline or image varies')
    return packages


def _dimensions(catalogue: str | Path) -> dict[str, int]:
    """The number of dimensions of the vectors of each component in a catalogue, 0 where it has none."""
    found: dict[str, int] = {}
    for file in catalogue_files(catalogue):
        for batch in read_catalogue(file, (COMPONENT, ELEMENT_ID, VECTOR)):
            lengths = pc.fill_null(pc.list_value_length(batch.column(VECTOR)), 0).to_numpy()
            for name, length in zip(batch.column(COMPONENT).to_pylist(), lengths.tolist()):
                found[name] = max(found.get(name, 0), length)
    return found


def _described(component: Component, dimensions: dict[str, int]) -> Component:
    if component.name not in dimensions:
        return component
    return Component(name=component.name, content=Content(text=True, vector=dimensions[component.name]))


def _varying(packages: pa.Table) -> pa.Table:
    """The packages of tests whose headline or image varies."""
    test = _numbers(packages[TEST])
    varies = np.zeros(test.max(initial=-1) + 1, bool)
    for column in _VARYING:
        pairs = np.unique(np.stack([test, _numbers(packages[column])]), axis=1)
        varies |= np.bincount(pairs[0], minlength=len(varies)) > 1
    return packages.filter(pa.array(varies[test]))


def _half(packages: pa.Table, half: int | None) -> pa.Table:
    """The packages of the first or the second half of the stories."""
    if half is None or packages.num_rows == 0:
        return packages
    story = _stories(packages, _numbers(packages[TEST]))
    order = np.random.default_rng(_SEED_OF_HALVES).permutation(story.max() + 1)
    return packages.filter(pa.array(order[story] % 2 == half - 1))


def _sampled(packages: pa.Table, most_tests: int | None) -> pa.Table:
    """The packages, grouped by test, of all tests or of a random sample."""
    test = _numbers(packages[TEST])
    kept = np.unique(test)
    if most_tests is not None and len(kept) > most_tests:
        kept = np.random.default_rng(1).choice(kept, most_tests, replace=False)
    order = np.argsort(test, kind='stable')
    return packages.take(pa.array(order[np.isin(test[order], kept)])).combine_chunks()


def _transformed(packages: pa.Table, config: GencoConfig) -> tuple[FeatureTables, Batch]:
    """Transforms one row per package, in the order of the packages."""
    numbers = np.arange(packages.num_rows)
    columns = {
        REQUEST_ID: pa.array(numbers.astype(str)),
        TIMESTAMP: pa.array(numbers),
        **package_columns(packages),
        CLICK: pa.array(np.zeros_like(numbers)),
    }
    known = config.log_schema.arrow_schema().names
    columns = {name: column for name, column in columns.items() if name in known}  # else texts come twice
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        path = directory / 'logs' / 'all' / TRAIN / 'part.parquet'
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table(columns), path)
        transforms = transform_logs(directory / 'logs', config, directory / 'transformed')
        tables = feature_tables_of(transforms, config.log_schema)
        examples = [examples_of(directory / 'transformed', TRAIN)]
        return tables, next(iter(read(examples, tables, packages.num_rows)))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Numbers the distinct values, including null, from 0 in order of occurrence, int64 [P]."""
    encoded = pc.dictionary_encode(column, null_encoding='encode').combine_chunks()
    return encoded.indices.to_numpy().astype(np.int64)


def _stories(packages: pa.Table, test: np.ndarray) -> np.ndarray:
    """Numbers the connected components of tests and the values that they share, int64 [P]."""
    ends, size = [], test.max() + 1
    for column in _STORY:
        known = packages[column].is_valid().to_numpy()
        values = _numbers(packages[column])
        ends.append(np.stack([test[known], size + values[known]]))
        size += values.max() + 1
    first, second = np.concatenate(ends, 1)
    graph = scipy.sparse.coo_array((np.ones(len(first)), (first, second)), shape=(size, size))
    return scipy.sparse.csgraph.connected_components(graph, directed=False)[1][test]
