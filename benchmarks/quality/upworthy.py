"""Quality of choices on real clicks: GenCO and its peers on the Upworthy Research Archive."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.common.genco_policies import GENCO, genco_policies
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
from benchmarks.quality.upworthy_log import Split, UpworthyLog, benchmark_config, load
from model.baselines import left_out, peers
from model.config import GencoConfig
from model.training.train import train

ARCHIVE = Path('../shared/data/upworthy/packages.parquet')
SHARES = (0.02, 0.05, 0.1, 0.25, 0.5)
SPLITS = 10
_FOLDS = 5
_NEW_TESTS_SHARE = 0.5
_QUICK_TESTS, _QUICK_SHARES, _QUICK_SPLITS = 200, (0.25,), 2


def run(quick: bool, log: str | Path = ARCHIVE, splits: int = SPLITS) -> dict:
    """Measures the lift of the package that each policy chooses over the mean package of the test.

    Half of the impressions of every package are for testing. Policies are trained on a share of all
    impressions, taken from the other half. The lift is sum(n ctr(chosen)) / sum(n mean ctr) - 1 over tests
    with n impressions for testing. Packages to which a policy gives the same score count with their mean.

    Args:
        quick: Whether to use only 200 tests, one share, two splits and two folds.
        log: The archive's packages, a CSV or Parquet file.
        splits: The number of splits for every share, at least two; their seeds are 1, 2, ...

    Returns:
        Lifts and differences are fractions.

        rows: Per share and policy, the lift with its t interval over splits, which refers to other draws of
            impressions, and with `tests_low` and `tests_high` over resampled tests, which refer to other
            tests.
        differences: Per share and peer, GenCO's lift minus the peer's with the same intervals, and p of the
            paired t test over splits.
        sctr: Per share, policy and component, the lift of the calibrated sCTR over uniform with its interval
            clustered by test.
        new_tests, new_tests_differences: As `rows` and `differences`, after training on other stories only.
        tests, packages, impressions, seeds, folds: The size of the benchmark.
        left_out: The peers that are not installed.

    Raises:
        InputError: The file is invalid or holds too few tests.
    """
    shares, splits, folds = (_QUICK_SHARES, _QUICK_SPLITS, 2) if quick else (SHARES, splits, _FOLDS)
    source = str(log), _QUICK_TESTS if quick else None
    archive = _bench(*source).log
    figures: dict = {'rows': [], 'differences': [], 'sctr': []}
    tasks = [
        (*source, share, seed) for share in sorted(shares, reverse=True) for seed in range(1, splits + 1)
    ]
    measured = dict(zip(tasks, results_of(known_tests, tasks, parallel=not quick), strict=True))
    for share in shares:
        of_share = [measured[task] for task in tasks if task[2] == share]
        for name, rows in _known_test_figures(archive, of_share).items():
            figures[name] += [{'share': share, **row} for row in rows]
    new = results_of(new_tests, [(*source, fold, folds) for fold in range(folds)], parallel=not quick)
    return figures | {
        **_new_test_figures(archive, new),
        'tests': int(archive.test.max() + 1),
        'packages': len(archive.test),
        'impressions': int(archive.counts.impressions.sum()),
        'seeds': list(range(1, splits + 1)),
        'folds': folds,
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


def known_tests(source: str, most_tests: int | None, share: float, seed: int) -> KnownTests:
    """Evaluates policies that are trained on other impressions of the same tests."""
    bench = _bench(source, most_tests)
    split = bench.log.split(share, seed)
    choices = bench.choices(split, seed, Chooser(bench.log, bench.rows))
    return KnownTests(
        clicks=_each(choices, lambda chosen: clicks_by_test(bench.log, chosen, split.test)),
        sums=_each(choices, lambda chosen: component_sums(bench.log, chosen, split.test)),
        base=clicks_by_test(bench.log, uniform_choice(bench.log), split.test),
    )


def new_tests(source: str, most_tests: int | None, fold: int, folds: int) -> dict[str, np.ndarray]:
    """Evaluates policies that are trained on tests of other stories, on all impressions of the new tests.

    Returns:
        The expected clicks of each test per policy, float64 [tests].
    """
    bench = _bench(source, most_tests)
    log = bench.log
    new = (np.random.default_rng(1).permutation(log.story.max() + 1) % folds)[log.story] == fold
    split = log.split(_NEW_TESTS_SHARE, seed=fold + 1).without(new)
    choices = bench.choices(split, fold + 1, Chooser(log, bench.rows, np.unique(log.test[new])))
    return _each(choices, lambda chosen: clicks_by_test(log, chosen, log.counts))


def _known_test_figures(log: UpworthyLog, splits: Sequence[KnownTests]) -> dict[str, list[dict]]:
    measured = Repeated([split.clicks for split in splits], [split.base for split in splits])
    return {
        'rows': measured.rows(),
        'differences': measured.differences(GENCO),
        'sctr': _component_rows(log, added([split.sums for split in splits])),
    }


def _new_test_figures(log: UpworthyLog, folds: Sequence[dict[str, np.ndarray]]) -> dict[str, list[dict]]:
    measured = Resampled(added(folds), clicks_by_test(log, uniform_choice(log), log.counts))
    return {'new_tests': measured.rows(), 'new_tests_differences': measured.differences(GENCO)}


@cache
def _bench(source: str, most_tests: int | None) -> '_Bench':
    """Loads the log once per process."""
    config = benchmark_config()
    return _Bench(load(source, config, most_tests), config)


class _Bench:
    """Trains policies on a log and collects their choices.

    Args:
        log: The tests.
        config: The configuration of GenCO.
    """

    def __init__(self, log: UpworthyLog, config: GencoConfig):
        self.log, self._config = log, config
        self.rows = PackedRows(log.batch)
        self._rows_without_subwords = PackedRows(log.batch, subwords=False)

    def choices(self, split: Split, seed: int, ask: Chooser) -> dict[str, np.ndarray]:
        """Trains every policy and returns its choices by name, float64 [P] each (see `Chooser`)."""
        size = self._config.training.batch_size
        data = list(self.log.training_data(self._rows_without_subwords, split.train, seed, size))
        choices = {}
        for name, policy in peers(self.log.tables, seed).items():
            policy.fit(data)
            choices[name] = ask(policy)
        training = self._config.training.model_copy(update={'seed': seed})
        config = self._config.model_copy(update={'training': training})
        data = self.log.training_data(self.rows, split.train, seed, size)
        model = train(self.log.tables, config, data)
        choices |= {name: ask(policy) for name, policy in genco_policies(model, seed).items()}
        return choices


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
