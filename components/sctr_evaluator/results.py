"""From the sums of an evaluation to its figures and its verdict: the content of `evaluation.json`."""

from dataclasses import asdict

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators import Estimate, Moments, lift, rate
from components.sctr_evaluator.matching import OVERALL, POLICIES, UNIFORM
from components.sctr_evaluator.measurement import Totals
from components.sctr_evaluator.power import effective_sample_size
from components.sctr_evaluator.verdict import decide

_UNIFORM_INDEX = 0
_MODEL_START = 1
_SERVING_START = _MODEL_START + len(POLICIES)


def evaluate(moments: Moments, totals: Totals, config: EvaluationConfig) -> dict:
    """Computes all figures.

    Args:
        moments: of all clusters.
        totals: of all rows.
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
        slices: [{by: [feature], values: [slice], rest: {values, rows}}], slices of most rows first; rest is
            what was not kept. `by` is out of 'candidates', 'day' and context features, at most two.
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
            rates}; rows, clusters, match_rate, effective_sample_size; rows_needed: to find
            `config.lift_to_find` over uniform}.
        slice: {value: [text, one per feature of `by`], rows, levels: {level: {uniform, sctr,
            lift_over_uniform, lift_over_serving, rows, clusters, effective_sample_size}}, attention}, of the
            policy `config.blessing_policy`, by the delta method alone (bootstrap is None).
    """
    figures = _Figures(moments, totals, config)
    paired = moments.first.shape[1] > _SERVING_START
    policies = {
        policy: figures.of_policy(_MODEL_START + i, _SERVING_START + i if paired else None)
        for i, policy in enumerate(POLICIES)
    }
    serving = (
        {policy: figures.of_policy(_SERVING_START + i, None) for i, policy in enumerate(POLICIES)}
        if paired
        else None
    )
    return {
        'rows': totals.rows,
        'impressions': totals.impressions,
        'clicks': totals.clicks,
        'ctr': totals.clicks / totals.impressions if totals.impressions else None,
        'first_timestamp': totals.first,
        'last_timestamp': totals.last,
        'components': list(totals.components),
        'config': config.model_dump(mode='json'),
        UNIFORM: figures.of_policy(_UNIFORM_INDEX, None),
        'policies': policies,
        'serving': serving,
        'calibration': totals.calibration.get(),
        'attention': _attention(totals),
        'verdict': asdict(_verdict(figures, config, paired)),
    }


class _Figures:
    def __init__(self, moments: Moments, totals: Totals, config: EvaluationConfig):
        self._moments, self._totals, self._confidence = moments, totals, config.confidence
        self.levels = (*totals.components, OVERALL)

    def lift(self, level: int, policy: int, reference: int) -> Estimate:
        return lift(self._moments, level, policy, reference, self._confidence)

    def of_policy(self, policy: int, serving: int | None) -> dict[str, dict]:
        """Figures of one policy per level; `serving` is the policy to compare with beside uniform."""
        return {name: self._at(level, policy, serving) for level, name in enumerate(self.levels)}

    def _at(self, level: int, policy: int, serving: int | None) -> dict:
        rows, weight = self._totals.counted[level]
        matched, squares = self._totals.matched[level, policy]
        exposure = self._moments.first[level, policy, 1]
        figures = {
            'sctr': asdict(rate(self._moments, level, policy, self._confidence)),
            'lift_over_uniform': None,
            'lift_over_serving': None,
            'rows': int(rows),
            'clusters': int(self._moments.clusters[level, policy]),
            'match_rate': matched / weight if weight else None,
            'effective_sample_size': effective_sample_size(exposure, squares),
        }
        if policy != _UNIFORM_INDEX:
            figures['lift_over_uniform'] = asdict(self.lift(level, policy, _UNIFORM_INDEX))
        if serving is not None:
            figures['lift_over_serving'] = asdict(self.lift(level, policy, serving))
        return figures


def _verdict(figures: _Figures, config: EvaluationConfig, paired: bool):
    chosen = POLICIES.index(config.blessing_policy)
    over_uniform = {
        name: figures.lift(level, _MODEL_START + chosen, _UNIFORM_INDEX)
        for level, name in enumerate(figures.levels)
    }
    overall = figures.levels.index(OVERALL)
    over_serving = figures.lift(overall, _MODEL_START + chosen, _SERVING_START + chosen) if paired else None
    return decide(config, over_uniform, over_serving)


def _attention(totals: Totals) -> dict[str, float | None]:
    """Mean attention weight w_ij (eq. 17) of the shown element per component."""
    weighted, weight = totals.attention
    return {
        name: float(weighted[j] / weight[j]) if weight[j] else None
        for j, name in enumerate(totals.components)
    }
