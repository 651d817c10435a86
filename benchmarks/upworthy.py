"""Choosing on real clicks: GenCO and its peers on the tests of the Upworthy Research Archive."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.genco_policies import GENCO, genco_policies
from benchmarks.packed_rows import PackedRows
from benchmarks.statistics import CONFIDENCE
from benchmarks.upworthy_choice import Chooser, clicks_by_test, component_lift, component_sums, uniform_choice
from benchmarks.upworthy_figures import Repeated, Resampled, added
from benchmarks.upworthy_log import Split, UpworthyLog, benchmark_config, load
from model.baselines import left_out, peers
from model.config import GencoConfig
from model.train import train

ARCHIVE = Path('../shared/data/upworthy/packages.parquet')
SHARES = (0.02, 0.05, 0.1, 0.25, 0.5)
SPLITS = 10
_FOLDS = 5
_NEW_TESTS_SHARE = 0.5
_QUICK_TESTS, _QUICK_SHARES, _QUICK_SPLITS = 200, (0.25,), 2

Choices = dict[str, np.ndarray]

_progress = logging.getLogger('genco.progress')


def run(quick: bool, log: str | Path = ARCHIVE, splits: int = SPLITS) -> dict:
    """Measures the lift of the package that each policy chooses over the mean package of the test.

    Half of the impressions of every package are for testing; a share of all, out of the other half, is
    trained on. The lift is sum(n ctr(chosen)) / sum(n mean ctr) - 1 over tests with n impressions for
    testing. Packages that a policy cannot tell apart count with their mean.

    Args:
        quick: 200 tests, one share, two splits, two folds.
        log: the archive's packages, CSV or Parquet.
        splits: of every share, at least two; the seeds 1, 2, ...

    Returns:
        rows: per share and policy, lift with its t interval over splits, and `tests_low`, `tests_high`,
        which resample tests: the first speaks of other draws of impressions, the second of other tests.
        differences: per share and peer, GenCO's lift less the peer's, likewise, with p of the paired
        t test over splits.
        sctr: per share, policy and component, lift of the calibrated sCTR over uniform, by test.
        new_tests, new_tests_differences: as rows and differences, trained on other stories alone.
        Lifts and differences are fractions. tests, packages, impressions, seeds, folds: what was
        measured; left_out: peers that are not installed.

    Raises:
        InputError: the file is broken or holds too few tests.
    """
    config = benchmark_config()
    archive = load(log, config, _QUICK_TESTS if quick else None)
    shares, splits, folds = (_QUICK_SHARES, _QUICK_SPLITS, 2) if quick else (SHARES, splits, _FOLDS)
    bench = _Bench(archive, config, steps=len(shares) * splits + folds)
    figures: dict = {'rows': [], 'differences': [], 'sctr': []}
    for share in shares:
        for name, rows in bench.known_tests(share, splits).items():
            figures[name] += [{'share': share, **row} for row in rows]
    figures |= bench.new_tests(folds)
    return figures | {
        'tests': int(archive.test.max() + 1),
        'packages': len(archive.test),
        'impressions': int(archive.counts.impressions.sum()),
        'seeds': list(range(1, splits + 1)),
        'folds': folds,
        'left_out': left_out(),
    }


class _Bench:
    """Measures policies on one log.

    Args:
        log: the tests.
        config: of GenCO.
        steps: trainings that will be asked for, to tell progress.
    """

    def __init__(self, log: UpworthyLog, config: GencoConfig, steps: int):
        self._log, self._config = log, config
        self._done, self._steps = 0, steps
        self._rows = PackedRows(log.batch)
        self._rows_without_subwords = PackedRows(log.batch, subwords=False)
        self._uniform = uniform_choice(log)

    def known_tests(self, share: float, splits: int) -> dict[str, list[dict]]:
        """Trained on some impressions of the tests in which it is chosen."""
        ask = Chooser(self._log, self._rows)
        clicks, base, sums = [], [], []
        for seed in range(1, splits + 1):
            split = self._log.split(share, seed)
            choices = self._choices(split, seed, ask)
            clicks.append(_each(choices, lambda chosen: clicks_by_test(self._log, chosen, split.test)))
            base.append(clicks_by_test(self._log, self._uniform, split.test))
            sums.append(_each(choices, lambda chosen: component_sums(self._log, chosen, split.test)))
        measured = Repeated(clicks, base)
        return {
            'rows': measured.rows(),
            'differences': measured.differences(GENCO),
            'sctr': self._component_rows(added(sums)),
        }

    def new_tests(self, folds: int) -> dict[str, list[dict]]:
        """Trained on the tests of other stories, and measured on all impressions of the new ones."""
        stories = self._log.story.max() + 1
        fold = np.random.default_rng(1).permutation(stories) % folds
        clicks = []
        for number in range(folds):
            new = fold[self._log.story] == number
            split = self._log.split(_NEW_TESTS_SHARE, seed=number + 1).without(new)
            ask = Chooser(self._log, self._rows, np.unique(self._log.test[new]))
            choices = self._choices(split, number + 1, ask)
            clicks.append(_each(choices, lambda chosen: clicks_by_test(self._log, chosen, self._log.counts)))
        base = clicks_by_test(self._log, self._uniform, self._log.counts)
        measured = Resampled(added(clicks), base)
        return {'new_tests': measured.rows(), 'new_tests_differences': measured.differences(GENCO)}

    def _choices(self, split: Split, seed: int, ask: Chooser) -> Choices:
        """What every policy chooses, by its name."""
        size = self._config.training.batch_size
        data = list(self._log.training_data(self._rows_without_subwords, split.train, seed, size))
        choices = {}
        for name, policy in peers(self._log.layout, seed).items():
            policy.fit(data)
            choices[name] = ask(policy)
        training = self._config.training.model_copy(update={'seed': seed})
        config = self._config.model_copy(update={'training': training})
        data = self._log.training_data(self._rows, split.train, seed, size)
        model = train(self._log.layout, config, data)
        choices |= {name: ask(policy) for name, policy in genco_policies(model, seed).items()}
        self._done += 1
        _progress.info('%d of %d', self._done, self._steps)
        return choices

    def _component_rows(self, sums: Choices) -> list[dict]:
        rows = []
        for policy, of_policy in sums.items():
            for j, component in enumerate(self._log.layout.components):
                found = component_lift(of_policy, j, CONFIDENCE)
                estimate = {'lift': found.value, 'low': found.low, 'high': found.high}
                rows.append({'policy': policy, 'component': component} | estimate)
        return rows


def _each(choices: Choices, function: Callable[[np.ndarray], np.ndarray]) -> dict[str, np.ndarray]:
    return {name: function(chosen) for name, chosen in choices.items()}
