"""From the sums of an evaluation to its figures and its verdict: the content of `evaluation.json`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators import DENOMINATOR, ClusterSums, Estimate
from components.sctr_evaluator.figures import Figures
from components.sctr_evaluator.matching import OVERALL, POLICIES, UNIFORM
from components.sctr_evaluator.measurement import MODEL_START, SERVING_START, UNIFORM_INDEX
from components.sctr_evaluator.offline import COMBINATION_ESTIMATORS, COMPONENT_ESTIMATORS
from components.sctr_evaluator.power import effective_sample_size, rows_needed
from components.sctr_evaluator.slice_figures import SliceSums, attention_of, slice_figures
from components.sctr_evaluator.slices import Value, bracket_names
from components.sctr_evaluator.sums import Layout, Sums
from components.sctr_evaluator.totals import Totals
from components.sctr_evaluator.uniformity import Uniformity
from components.sctr_evaluator.verdict import Evidence, Verdict, decide

_POWER = 0.8


class Found(NamedTuple):
    """The sums of an evaluation.

    Attributes:
        totals: of all rows.
        sums: of all clusters; None where every row has a fault.
        uniformity: of all ads; None likewise.
        slices: ((slicing, value), sums).
    """

    totals: Totals
    sums: Sums | None
    uniformity: Uniformity | None
    slices: Sequence[tuple[tuple[Value, Value], SliceSums]] = ()


def evaluate(found: Found, config: EvaluationConfig) -> dict:
    """Computes all figures.

    Args:
        found: the sums.
        config: of the evaluation.

    Returns:
        A mapping ready for JSON. Where a figure cannot be had it is None, and a `problem` says why.

        rows, impressions, clicks, ctr; first_timestamp, last_timestamp (ms since epoch); components (names);
        config.
        problems: sentences that must be read before any figure: rows left out, a log that is not what it
            claims, slices left out; empty where all is well.
        faults: {kind, see `faults.SENTENCES`: rows left out}.
        verdict: {blessed, passed, forced, reasons: [{passed, sentence}]}; forced is the given reason, or None.
        uniform: {level: figures}; policies: {policy: {level: figures}}; serving: as policies, of the model
            that serves now, or None. A level is a component or 'overall', all components pooled.
        combinations: {'uniform' or policy: {'replay', 'pi', 'dm' or 'dr': rates}}, of whole combinations.
        calibration: see `Calibration.get`. attention: {component: mean weight of the shown element or None}.
        slices: [{by: [feature], values: [slice], rest: {values, rows}}]; rest is what was not kept. `by` is
            out of 'candidates', 'day' and context features, at most two. Slices by 'candidates' or 'day' are
            in that order, others have those of most rows first.
        brackets: {component: {'few', 'medium', 'many': 'below 3', '3 to 5', 'above 5'}}, what a slice by
            'candidates' means for it.
        choices: of the table of choices, or None: {file, matched_rows, unmatched_rows, unused, not_candidates,
            levels: {level: figures}, combinations: {'replay', 'pi': rates}}, all on the matched rows.
        uniformity: {suspicious: [component], sentence, components: {component: {p_value, deviation, ads}}}.
        skew: [{feature, distance, by_chance, train_rows, test_rows}], largest distance first, or None.

        An estimate is {value, low, high, problem, error, bootstrap: {low, high, problem, error} or None}.
        rates: {rate, lift_over_uniform, lift_over_serving}, estimates, or None where there is nothing to
            compare with.
        figures: {sctr, lift_over_uniform, lift_over_serving: as of rates; estimators: {'ips', 'dm', 'dr':
            rates}; rows, clusters, match_rate, effective_sample_size; rows_needed:
            impressions from which a lift over uniform of `config.lift_to_find` would be found}.
        slice: {value: [text, one per feature of `by`], rows, levels: {level: {uniform, sctr,
            lift_over_uniform, lift_over_serving, rows, clusters, effective_sample_size}}, attention}, of the
            policy `config.blessing_policy`, by the delta method alone (bootstrap is None).
    """
    totals = found.totals
    figures = _Figures(found, config)
    uniformity = _uniformity(found.uniformity, totals.components)
    calibration = totals.calibration.get()
    return {
        'rows': totals.rows,
        'impressions': totals.impressions,
        'clicks': totals.clicks,
        'ctr': totals.clicks / totals.impressions if totals.impressions else None,
        'first_timestamp': totals.first,
        'last_timestamp': totals.last,
        'components': list(totals.components),
        'config': config.model_dump(mode='json'),
        'problems': _problems(totals, uniformity),
        'faults': totals.faults.counts,
        'verdict': asdict(_verdict(figures, calibration, totals, config)),
        UNIFORM: figures.levels_of(UNIFORM_INDEX, None),
        'policies': figures.by_policy(figures.levels_of, MODEL_START),
        'serving': figures.by_policy(figures.levels_of, SERVING_START) if figures.paired else None,
        'combinations': {UNIFORM: figures.whole(UNIFORM_INDEX, None)}
        | figures.by_policy(figures.whole, MODEL_START),
        'calibration': calibration,
        'attention': attention_of(totals.attention, totals.components),
        'slices': slice_figures(totals.slices, found.slices, figures.levels, config),
        'brackets': bracket_names(config, totals.components),
        'choices': None,
        'uniformity': uniformity,
        'skew': None,
    }


class _Figures:
    def __init__(self, found: Found, config: EvaluationConfig):
        totals = found.totals
        sums = found.sums or _nothing(totals, config)
        self._totals, self._config = totals, config
        self._exposure = sums.components['snips'].first[..., DENOMINATOR]
        self._clusters = sums.components['snips'].clusters
        self._by_component = Figures(sums.components, sums.component_replicates(), config.confidence)
        self._whole = Figures(sums.combinations, sums.combination_replicates(), config.confidence)
        self.levels = (*totals.components, OVERALL)
        self.paired = sums.policies > SERVING_START

    def by_policy(self, figures, start: int) -> dict[str, dict]:
        """Figures of each policy of the model whose columns start there; ours are compared with serving."""
        compared = self.paired and start == MODEL_START
        return {
            policy: figures(start + i, SERVING_START + i if compared else None)
            for i, policy in enumerate(POLICIES)
        }

    def levels_of(self, policy: int, serving: int | None) -> dict[str, dict]:
        """Figures of one policy per level; `serving` is the policy to compare with beside uniform."""
        return {name: self._at(level, policy, serving) for level, name in enumerate(self.levels)}

    def whole(self, policy: int, serving: int | None) -> dict[str, dict]:
        """Rates and lifts of a policy's whole combinations."""
        return {
            estimator: self._whole.rates(estimator, 0, policy, UNIFORM_INDEX, serving)
            for estimator in COMBINATION_ESTIMATORS
        }

    def lifts(self, policy: int, reference: int) -> dict[str, Estimate]:
        """Of the sCTR, per level."""
        return {
            name: self._by_component.lift_estimate('snips', level, policy, reference)
            for level, name in enumerate(self.levels)
        }

    def effective_size(self, level: int, policy: int) -> float:
        squares = float(self._totals.matched[level, policy, 1])
        return effective_sample_size(float(self._exposure[level, policy]), squares)

    def _at(self, level: int, policy: int, serving: int | None) -> dict:
        rows, weight = self._totals.counted[level].tolist()
        snips, *others = (
            self._by_component.rates(estimator, level, policy, UNIFORM_INDEX, serving)
            for estimator in COMPONENT_ESTIMATORS
        )
        return {
            'sctr': snips.pop('rate'),
            **snips,
            'estimators': dict(zip(COMPONENT_ESTIMATORS[1:], others)),
            'rows': int(rows),
            'clusters': int(self._clusters[level, policy]),
            'match_rate': float(self._totals.matched[level, policy, 0]) / weight if weight else None,
            'effective_sample_size': self.effective_size(level, policy),
            'rows_needed': self._rows_needed(level, policy, weight),
        }

    def _rows_needed(self, level: int, policy: int, weight: float) -> float | None:
        if policy == UNIFORM_INDEX:
            return None
        estimate = self._by_component.lift_estimate('snips', level, policy, UNIFORM_INDEX)
        return rows_needed(estimate, weight, self._config.lift_to_find, self._config.confidence, _POWER)


def _nothing(totals: Totals, config: EvaluationConfig) -> Sums:
    """Sums of no cluster."""
    policies = totals.matched.shape[1]
    width = Layout(len(totals.components), policies).width
    empty = ClusterSums(np.zeros(0, np.int64), np.zeros((0, width)))
    return Sums.of(empty, policies, config.bootstrap_replicates)


def _verdict(figures: _Figures, calibration: dict, totals: Totals, config: EvaluationConfig) -> Verdict:
    chosen = POLICIES.index(config.blessing_policy)
    ours = MODEL_START + chosen
    evidence = Evidence(
        over_uniform=figures.lifts(ours, UNIFORM_INDEX),
        over_serving=figures.lifts(ours, SERVING_START + chosen) if figures.paired else None,
        calibration_error=calibration.get('expected_calibration_error'),
        effective_sample_size=figures.effective_size(figures.levels.index(OVERALL), ours),
        unscored=totals.faults.counts['scores'],
    )
    return decide(config, evidence)


def _uniformity(uniformity: Uniformity | None, components: Sequence[str]) -> dict:
    if uniformity is None:
        return {'suspicious': [], 'sentence': 'no row to tell it from', 'components': {}}
    return {
        'suspicious': [components[j] for j in uniformity.suspicious()],
        'sentence': uniformity.verdict(components),
        'components': {name: check._asdict() for name, check in zip(components, uniformity.checks())},
    }


def _problems(totals: Totals, uniformity: dict) -> list[str]:
    problems = [uniformity['sentence']] if uniformity['suspicious'] else []
    problems += totals.faults.problems()
    if totals.unscored:
        problems.append(
            f'{totals.unscored:,} of {totals.faults.rows:,} rows left out for which the serving model gives '
            'no finite number'
        )
    if not totals.clicks:
        problems.append('there is no click: nothing can be measured')
    elif totals.clicks == totals.impressions:
        problems.append('there are nothing but clicks: nothing can be measured')
    for by, counts in totals.slices.items():
        if counts.full:
            problems.append(f'too many values of {" x ".join(by)} to tell which have the most rows')
    return problems
