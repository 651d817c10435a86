"""Measures how often each estimator's intervals cover the truth, on many small simulated logs."""

from itertools import product
from typing import NamedTuple

import numpy as np

from benchmarks.common.workers import results_of
from benchmarks.evaluator.coverage_world import POLICIES, Log, Scenario, World
from components.sctr_evaluator.estimators.bootstrap import bootstrap_lift, bootstrap_rate
from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.importance_weights import (
    COMBINATION_ESTIMATORS,
    COMPONENT_ESTIMATORS,
    SIGNED,
)
from components.sctr_evaluator.estimators.ratio_estimates import Estimate, lift, rate
from components.sctr_evaluator.rows.policy_predictions import PolicyRows
from components.sctr_evaluator.sums.estimator_sums import Sums, row_terms

CONFIDENCE = 0.95
REPLICATES = 200
ADS = 150
COVERED = (0.93, 0.97)
MOST_BIAS = 0.1

SCENARIOS = (
    Scenario('uniform log, right model', right_model=True),
    Scenario('uniform log, wrong model'),
    Scenario('logged propensities, wrong model', logged_propensities=True),
    Scenario('interactions, wrong model', interactions=True),
    Scenario('rare clicks, wrong model', ctr=0.07),
)
_COMPONENT, _OVERALL, _COMBINATION = 'component', 'overall', 'combination'
_REFERENCE = POLICIES.index('uniform')


class Case(NamedTuple):
    """One figure: its level, estimator and policy, and whether it is a rate or a lift over uniform."""

    level: str
    estimator: str
    policy: str
    figure: str


def run(quick: bool, seed: int = 1) -> dict:
    """Draws 2,000 logs (200 in the quick form) of 150 ads and about 3,000 impressions per scenario.

    Returns:
        rows: A row per scenario and case. It has the truth; `holds`, whether the estimator's assumptions
            hold; the bias over the standard error; and how often the delta-method and the bootstrap interval
            covered the truth, where an interval that is not known counts as a miss. `passed` says whether
            both coverages are within 93 to 97 % and the bias is below a tenth of the standard error (None
            where the assumptions do not hold).
        all_passed: Whether every row passed in which the assumptions hold.
        logs, ads, replicates, confidence: The settings of the run.
    """
    logs = 200 if quick else 2000
    tasks = [(scenario, logs, seed) for scenario in SCENARIOS]
    rows = [row for part in results_of(measure, tasks, parallel=not quick) for row in part]
    return {
        'rows': rows,
        'all_passed': all(row['passed'] is not False for row in rows),
        'logs': logs,
        'ads': ADS,
        'replicates': REPLICATES,
        'confidence': CONFIDENCE,
    }


def measure(scenario: Scenario, logs: int, seed: int) -> list[dict]:
    """The rows of one scenario, see `run`."""
    world, rng = World(scenario, seed), np.random.default_rng(seed)
    found: dict[Case, list[tuple[Estimate, Estimate]]] = {case: [] for case in cases()}
    for _ in range(logs):
        for case, estimates in estimates_of(world.draw(rng, ADS)).items():
            found[case].append(estimates)
    return [
        case._asdict() | _judged(case, estimates, truth_of(world, case), scenario)
        for case, estimates in found.items()
    ]


def cases() -> list[Case]:
    """All figures; the draws of the sampled policy are measured under `snips` only."""
    return [
        Case(level, estimator, policy, figure)
        for level in (_COMPONENT, _OVERALL, _COMBINATION)
        for estimator in (COMBINATION_ESTIMATORS if level == _COMBINATION else COMPONENT_ESTIMATORS)
        for policy, figure in product(POLICIES[1:], ('rate', 'lift'))
        if policy != 'sampled' or estimator == 'snips'
    ]


def truth_of(world: World, case: Case) -> float:
    """The true value of a figure."""
    truth = world.combination_truth
    if case.level != _COMBINATION:
        truth = world.component_truth[0 if case.level == _COMPONENT else -1]
    value = truth[POLICIES.index(case.policy)]
    return float(value / truth[_REFERENCE] - 1 if case.figure == 'lift' else value)


def holds(case: Case, scenario: Scenario) -> bool:
    """Whether the estimator's assumptions hold in a scenario."""
    added_up = not scenario.interactions
    if case.estimator == 'dm':
        return scenario.right_model
    if case.estimator == 'pi':
        return added_up
    if case.estimator == 'dr' and case.level == _COMBINATION:
        return added_up or scenario.right_model
    return True


def estimates_of(log: Log) -> dict[Case, tuple[Estimate, Estimate]]:
    """All figures of one log, each with the delta-method and with the bootstrap interval."""
    figures = _Figures(Sums.of(ClusterSums.of(log.key, terms_of(log)), len(POLICIES), REPLICATES))
    return {case: figures.of(case) for case in cases()}


def terms_of(log: Log) -> np.ndarray:
    """The terms by production's `row_terms`, float64 [R, width], in the order of `SumColumns`."""
    shape = log.match.shape
    policies = PolicyRows(
        match=log.match,
        expected=log.element_expected,
        predicted=np.broadcast_to(log.element_predicted[..., None], shape),
        combination=log.expected,
        shown=np.broadcast_to(log.predicted[:, None], log.expected.shape),
    )
    everywhere = np.ones(shape[:2], bool)
    return row_terms(policies, log.click, np.ones(shape[0]), log.propensity, everywhere, everywhere)


class _Figures:
    """Estimates from production's sums, whose last level of the components pools all of them."""

    def __init__(self, sums: Sums):
        self._components = sums.components, sums.component_replicates()
        self._combinations = sums.combinations, sums.combination_replicates()

    def of(self, case: Case) -> tuple[Estimate, Estimate]:
        by_estimator = self._combinations if case.level == _COMBINATION else self._components
        moments, replicates = by_estimator[0][case.estimator], by_estimator[1][case.estimator]
        level = len(moments.first) - 1 if case.level == _OVERALL else 0
        column, signed = POLICIES.index(case.policy), case.estimator in SIGNED
        if case.figure == 'lift':
            delta = lift(moments, level, column, _REFERENCE, CONFIDENCE, signed)
            clusters = moments.effective_clusters(level, [column, _REFERENCE])
            return delta, bootstrap_lift(replicates, delta, level, column, _REFERENCE, clusters, CONFIDENCE)
        delta = rate(moments, level, column, CONFIDENCE, signed)
        clusters = moments.effective_clusters(level, [column])
        return delta, bootstrap_rate(replicates, delta, level, column, clusters, CONFIDENCE)


def _judged(case: Case, estimates: list[tuple[Estimate, Estimate]], truth: float, scenario: Scenario) -> dict:
    delta, bootstrap = zip(*estimates)
    values = np.array([np.nan if estimate.value is None else estimate.value for estimate in delta])
    bias = float((np.nanmean(values) - truth) / np.nanstd(values, ddof=1))
    covered = {'delta': _coverage(delta, truth), 'bootstrap': _coverage(bootstrap, truth)}
    valid = holds(case, scenario)
    good = abs(bias) < MOST_BIAS and all(COVERED[0] <= share <= COVERED[1] for share in covered.values())
    return {
        'scenario': scenario.name,
        'truth': truth,
        'error_over_truth': float(np.nanstd(values, ddof=1) / abs(truth)),
        'bias_over_error': bias,
        **covered,
        'holds': valid,
        'passed': good if valid else None,
    }


def _coverage(estimates: tuple[Estimate, ...], truth: float) -> float:
    return float(
        np.mean([e.low is not None and e.high is not None and e.low <= truth <= e.high for e in estimates])
    )
