"""The packages that a policy chooses, and their clicks in impressions held out from training."""

import numpy as np

from benchmarks.common.packed_rows import PackedRows
from benchmarks.quality.upworthy_log import UpworthyLog
from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.ratio_estimates import Estimate, Moments, lift
from creative_logs.upworthy.convert import Counts
from model.features import packed_batch as keys

_POLICY, _UNIFORM = 0, 1


class Chooser:
    """Asks policies for one package of each test.

    Args:
        log: The tests.
        rows: The rows of the batch of the log.
        tests: The numbers of the tests to choose for. If None, all tests.
    """

    def __init__(self, log: UpworthyLog, rows: PackedRows, tests: np.ndarray | None = None):
        asked = np.arange(len(log.test)) if tests is None else np.flatnonzero(np.isin(log.test, tests))
        sizes = np.bincount(log.test)[log.test[asked]]
        self._packages = len(log.test)
        self._requests = []
        for size in np.unique(sizes):
            packages = asked[sizes == size].reshape(-1, size)
            request = {k: v for k, v in rows.take(packages[:, 0]).items() if k not in keys.LABELS}
            self._requests.append((packages, request, np.asarray(log.batch[keys.SHOWN])[packages]))

    def __call__(self, policy) -> np.ndarray:
        """Returns the probability of choosing each package, float64 [P].

        The package with the highest score of its test has probability 1; packages with equal scores share
        it. Packages of tests that are not chosen for have probability 0.
        """
        chosen = np.zeros(self._packages)
        for packages, request, combinations in self._requests:
            scores = policy.score_combinations(request, combinations)
            best = scores == scores.max(1, keepdims=True)
            chosen[packages] = best / best.sum(1, keepdims=True)
        return chosen


def uniform_choice(log: UpworthyLog) -> np.ndarray:
    """The same probability for every package of a test, float64 [P]."""
    return 1 / np.bincount(log.test)[log.test]


def clicks_by_test(log: UpworthyLog, chosen: np.ndarray, counts: Counts) -> np.ndarray:
    """The expected clicks of each test if all its impressions showed the chosen package, float64 [tests].

    Args:
        log: The tests.
        chosen: The probability of choosing each package, float64 [P].
        counts: The impressions and clicks that were held out from training.
    """
    ctr = counts.clicks / np.maximum(counts.impressions, 1)
    return np.bincount(log.test, counts.impressions) * np.bincount(log.test, chosen * ctr)


def component_sums(log: UpworthyLog, chosen: np.ndarray, counts: Counts) -> np.ndarray:
    """The terms of the calibrated sCTR (Algorithm 1) of each test, in its expectation form.

    Args:
        log: The tests.
        chosen: The probability of choosing each package, float64 [P].
        counts: The impressions and clicks that were held out from training.

    Returns:
        The terms, float64 [tests, M, 2, 2]; the last two axes are the policy and the uniform policy, and the
        numerator and the denominator.
    """
    shown, propensity = np.asarray(log.batch[keys.SHOWN]), np.asarray(log.batch[keys.PROPENSITY])
    candidates = np.asarray(log.batch[keys.COUNTS])
    tests, components = log.test.max() + 1, shown.shape[1]
    sums = np.zeros([tests, components, 2, 2])
    for j in range(components):
        counted = candidates[:, j] > 1
        element = log.test * (shown[:, j].max() + 2) + shown[:, j] + 1
        matched = np.bincount(element, chosen)[element], 1 / np.maximum(candidates[:, j], 1)
        for policy, m in zip((_POLICY, _UNIFORM), matched, strict=True):
            for term, amount in enumerate((counts.clicks, counts.impressions)):
                values = np.where(counted, amount * m / propensity[:, j], 0.0)
                sums[:, j, policy, term] = np.bincount(log.test, values)
    return sums


def component_lift(sums: np.ndarray, component: int, confidence: float) -> Estimate:
    """The lift of a component's calibrated sCTR over uniform, with an interval clustered by test.

    Args:
        sums: The terms from `component_sums`, added up over splits.
        component: The index of the component.
        confidence: The confidence level of the interval.
    """
    moments = Moments.of(ClusterSums(np.arange(len(sums)), sums))
    return lift(moments, component, _POLICY, _UNIFORM, confidence)
