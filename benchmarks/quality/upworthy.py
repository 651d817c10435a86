"""Quality of choices on real clicks: GenCO and its peers on the Upworthy Research Archive."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.common.genco_policies import CONTENT, GENCO, GENCO_CONTENT, genco_policies
from benchmarks.common.packed_rows import PackedRows
from benchmarks.common.statistics import CONFIDENCE
from benchmarks.common.workers import results_of
from benchmarks.quality.upworthy_choice import (
    Chooser,
    clicks_by_test,
    component_lift,
    component_sums,
    uniform_choice,
)
from benchmarks.quality.upworthy_figures import Repeated, Resampled, added
from benchmarks.quality.upworthy_log import (
    Split,
    UpworthyLog,
    benchmark_config,
    load,
    without_vectors,
)
from creative_logs.schema import LogSchema
from model.baselines import Policy, content_peers, left_out, peers
from model.config import GencoConfig
from model.content.element_contents import Catalogue
from model.network.genco import GenCO
from model.training.train import train

ARCHIVE = Path('../shared/data/upworthy/packages.parquet')
SHARES = (0.02, 0.05, 0.1, 0.25, 0.5)
SPLITS = 10
_FOLDS = 5
_NEW_TESTS_SHARE = 0.5
_QUICK_TESTS, _QUICK_SHARES, _QUICK_SPLITS = 200, (0.25,), 2


class Source(NamedTuple):
    """What is measured on.

    Attributes:
        log: The archive's packages, a CSV or Parquet file.
        catalogue: The catalogue, or None.
        half: 1 or 2 for one half of the stories, or None for all.
        most_tests: The largest number of tests, or None for all.
    """

    log: str
    catalogue: str | None
    half: int | None
    most_tests: int | None


def run(
    quick: bool,
    log: str | Path = ARCHIVE,
    splits: int = SPLITS,
    catalogue: str | Path | None = None,
    half: int | None = None,
) -> dict:
    """Measures the lift of the package that each policy chooses over the mean package of the test.

    Half of the impressions of every package are for testing. Policies are trained on a share of all
    impressions, taken from the other half. The lift is sum(n ctr(chosen)) / sum(n mean ctr) - 1 over tests
    with n impressions for testing. Packages to which a policy gives the same score count with their mean.

    Args:
        quick: Whether to use only 200 tests, one share, two splits and two folds.
        log: The archive's packages, a CSV or Parquet file.
        splits: The number of splits for every share, at least two; their seeds are 1, 2, ...
        catalogue: A catalogue of `genco convert` with the vectors of `genco embed`. With it, GenCO reads the
            texts from the catalogue, and GenCO and the peers that can read vectors are measured a second
            time, with vectors, under names that end in `_content`.
        half: 1 or 2 for the tests of one random half of the stories, such that what is tuned on one half can
            be reported on the other. None for all tests.

    Returns:
        Lifts and differences are fractions.

        rows: Per share and policy, the lift with its t interval over splits, which refers to other draws of
            impressions, and with `tests_low` and `tests_high` over resampled tests, which refer to other
            tests.
        differences: Per share and peer, GenCO's lift minus the peer's with the same intervals, and p of the
            paired t test over splits; with a catalogue, also those of GenCO with vectors.
        sctr: Per share, policy and component, the lift of the calibrated sCTR over uniform with its interval
            clustered by test.
        new_tests, new_tests_differences: As `rows` and `differences`, after training on other stories only.
        tests, packages, impressions, seeds, folds, half: The size of the benchmark.
        catalogue: Whether there is a catalogue.
        left_out: The peers that are not installed.

    Raises:
        InputError: The file is invalid or holds too few tests.
    """
    shares, splits, folds = (_QUICK_SHARES, _QUICK_SPLITS, 2) if quick else (SHARES, splits, _FOLDS)
    path = None if catalogue is None else str(catalogue)
    source = Source(str(log), path, half, _QUICK_TESTS if quick else None)
    archive = _bench(source).log
    figures: dict = {'rows': [], 'differences': [], 'sctr': []}
    tasks = [(source, share, seed) for share in sorted(shares, reverse=True) for seed in range(1, splits + 1)]
    measured = dict(zip(tasks, results_of(known_tests, tasks, parallel=not quick), strict=True))
    for share in shares:
        of_share = [measured[task] for task in tasks if task[1] == share]
        for name, rows in _known_test_figures(archive, of_share).items():
            figures[name] += [{'share': share, **row} for row in rows]
    new = results_of(new_tests, [(source, fold, folds) for fold in range(folds)], parallel=not quick)
    return figures | {
        **_new_test_figures(archive, new),
        'tests': int(archive.test.max() + 1),
        'packages': len(archive.test),
        'impressions': int(archive.counts.impressions.sum()),
        'seeds': list(range(1, splits + 1)),
        'folds': folds,
        'half': half,
        'catalogue': catalogue is not None,
        'left_out': left_out(),
    }


class KnownTests(NamedTuple):
    """The results of one split.

    Attributes:
        clicks: The expected clicks of the chosen packages per policy, float64 [tests].
        sums: The terms of the calibrated sCTR per policy, float64 [tests, M, 2, 2].
        base: The expected clicks of uniform choice, float64 [tests].
    """

    clicks: dict[str, np.ndarray]
    sums: dict[str, np.ndarray]
    base: np.ndarray


def known_tests(source: Source, share: float, seed: int) -> KnownTests:
    """Evaluates policies that are trained on other impressions of the same tests."""
    bench = _bench(source)
    split = bench.log.split(share, seed)
    choices = bench.choices(split, seed, Chooser(bench.log, bench.rows))
    return KnownTests(
        clicks=_each(choices, lambda chosen: clicks_by_test(bench.log, chosen, split.test)),
        sums=_each(choices, lambda chosen: component_sums(bench.log, chosen, split.test)),
        base=clicks_by_test(bench.log, uniform_choice(bench.log), split.test),
    )


def new_tests(source: Source, fold: int, folds: int) -> dict[str, np.ndarray]:
    """Evaluates policies that are trained on tests of other stories, on all impressions of the new tests.

    Returns:
        The expected clicks of each test per policy, float64 [tests].
    """
    bench = _bench(source)
    log = bench.log
    new = (np.random.default_rng(1).permutation(log.story.max() + 1) % folds)[log.story] == fold
    split = log.split(_NEW_TESTS_SHARE, seed=fold + 1).without(new)
    choices = bench.choices(split, fold + 1, Chooser(log, bench.rows, np.unique(log.test[new])))
    return _each(choices, lambda chosen: clicks_by_test(log, chosen, log.counts))


def _known_test_figures(log: UpworthyLog, splits: Sequence[KnownTests]) -> dict[str, list[dict]]:
    measured = Repeated([split.clicks for split in splits], [split.base for split in splits])
    return {
        'rows': measured.rows(),
        'differences': _leads(measured),
        'sctr': _component_rows(log, added([split.sums for split in splits])),
    }


def _new_test_figures(log: UpworthyLog, folds: Sequence[dict[str, np.ndarray]]) -> dict[str, list[dict]]:
    measured = Resampled(added(folds), clicks_by_test(log, uniform_choice(log), log.counts))
    return {'new_tests': measured.rows(), 'new_tests_differences': _leads(measured)}


def _leads(measured: Repeated | Resampled) -> list[dict]:
    """The leads of GenCO, and of GenCO with vectors where it was measured, over each other policy."""
    measured_too = [GENCO_CONTENT] if GENCO_CONTENT in {row['policy'] for row in measured.rows()} else []
    return [row for policy in (GENCO, *measured_too) for row in measured.differences(policy)]


@cache
def _bench(source: Source) -> '_Bench':
    """Loads the log once per process."""
    config = benchmark_config(source.catalogue)
    return _Bench(load(source.log, config, source.most_tests, source.half), config, source.catalogue)


class _Bench:
    """Trains policies on a log and collects their choices.

    Args:
        log: The tests.
        config: The configuration of GenCO.
        catalogue: The path of the catalogue, or None.
    """

    def __init__(self, log: UpworthyLog, config: GencoConfig, catalogue: str | None):
        self.log, self._config, self._catalogue = log, config, catalogue
        self.rows = PackedRows(log.batch)
        self._rows_without_subwords = PackedRows(log.batch, subwords=False)

    def choices(self, split: Split, seed: int, ask: Chooser) -> dict[str, np.ndarray]:
        """Trains every policy and returns its choices by name, float64 [P] each (see `Chooser`)."""
        size = self._config.training.batch_size
        data = list(self.log.training_data(self._rows_without_subwords, split.train, seed, size))
        choices = {}
        for name, policy in self._peers(seed).items():
            policy.fit(data)
            choices[name] = ask(policy)
        for suffix, schema in self._schemas().items():
            model = self._trained(schema, split, seed)
            choices |= {name + suffix: ask(policy) for name, policy in genco_policies(model, seed).items()}
        return choices

    def _peers(self, seed: int) -> dict[str, Policy]:
        found = peers(self.log.tables, seed)
        if self._catalogue is None:
            return found
        catalogue = Catalogue.from_files(self._catalogue, self._config.log_schema)
        return found | content_peers(self.log.tables, catalogue, seed=seed)

    def _schemas(self) -> dict[str, LogSchema]:
        """The schema that each GenCO model reads, by the suffix of its name."""
        schema = self._config.log_schema
        return {'': schema} if self._catalogue is None else {'': without_vectors(schema), CONTENT: schema}

    def _trained(self, schema: LogSchema, split: Split, seed: int) -> GenCO:
        training = self._config.training.model_copy(update={'seed': seed})
        config = self._config.model_copy(update={'training': training, 'log_schema': schema})
        dimensions = {c.name: c.content.vector for c in schema.components if c.content is not None}
        catalogue = None if self._catalogue is None else Catalogue.from_files(self._catalogue, schema)
        data = self.log.training_data(self.rows, split.train, seed, config.training.batch_size)
        return train(replace(self.log.tables, content=dimensions), config, data, catalogue=catalogue)


def _component_rows(log: UpworthyLog, sums: dict[str, np.ndarray]) -> list[dict]:
    rows = []
    for policy, of_policy in sums.items():
        for j, component in enumerate(log.tables.components):
            found = component_lift(of_policy, j, CONFIDENCE)
            estimate = {'lift': found.value, 'low': found.low, 'high': found.high}
            rows.append({'policy': policy, 'component': component} | estimate)
    return rows


def _each(
    choices: dict[str, np.ndarray], function: Callable[[np.ndarray], np.ndarray]
) -> dict[str, np.ndarray]:
    return {name: function(chosen) for name, chosen in choices.items()}
