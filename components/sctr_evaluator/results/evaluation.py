"""Computes the figures and the verdict of an evaluation, the content of `evaluation.json`, from its sums."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import NamedTuple

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators.propensity_check import Uniformity
from components.sctr_evaluator.policies import (
    MODEL_START,
    OVERALL,
    POLICIES,
    SERVING_START,
    UNIFORM,
    UNIFORM_INDEX,
)
from components.sctr_evaluator.results.blessing import BlessingInputs, Verdict, decide
from components.sctr_evaluator.results.choice_results import choice_figures, choice_problems
from components.sctr_evaluator.results.policy_results import LevelFigures
from components.sctr_evaluator.results.slice_results import SliceSums, attention_of, slice_figures
from components.sctr_evaluator.sums.choice_sums import ChoiceSums
from components.sctr_evaluator.sums.estimator_sums import Sums
from components.sctr_evaluator.sums.row_totals import Totals
from components.sctr_evaluator.sums.slice_sums import Value, bracket_names


class Found(NamedTuple):
    """The sums of an evaluation.

    Attributes:
        totals: The totals over all rows.
        sums: The sums over all clusters; None if every row has a fault.
        uniformity: The statistics of the propensity check over all ads; None if every row has a fault.
        slices: Pairs of (slicing, value) and the sums of that slice.
        choices: The sums of the table of choices; None if no table is given.
        skew: The result of `feature_skew.skew`; None if there are no rows of train days to compare with.
    """

    totals: Totals
    sums: Sums | None
    uniformity: Uniformity | None
    slices: Sequence[tuple[tuple[Value, Value], SliceSums]] = ()
    choices: ChoiceSums | None = None
    skew: list[dict] | None = None


def evaluate(found: Found, config: EvaluationConfig) -> dict:
    """Computes all figures of an evaluation.

    Args:
        found: The sums.
        config: The configuration of the evaluation.

    Returns:
        A mapping ready for JSON. A figure that cannot be computed is None, and its `problem` says why.

        rows, impressions, clicks, ctr; first_timestamp, last_timestamp (ms since epoch); components (names);
        config.
        problems: The sentences to read before any figure, about rows left out, a log that is not what it
            claims to be, and slices left out; empty if there are none.
        faults: {kind, a key of `invalid_rows.SENTENCES`: rows left out}.
        verdict: {blessed, passed, forced, reasons: [{passed, sentence}]}; forced is the reason given for a
            forced blessing, or None.
        uniform: {level: figures}; policies: {policy: {level: figures}}; serving: the same as policies for
            the model that is serving, or None. A level is a component or 'overall', which pools all
            components.
        combinations: {'uniform' or policy: {'replay', 'pi', 'dm' or 'dr': rates}}, for whole combinations.
        calibration: The result of `Calibration.get`.
        attention: {component: mean attention weight of the shown element, or None}.
        slices: [{by: [feature], values: [slice], rest: {values, rows}}]; rest counts the values that were
            not kept. `by` holds one or two of 'candidates', 'day' and the context features. Slices by
            'candidates' or 'day' are in the order of their values, others start with the most rows.
        brackets: {component: {'few', 'medium', 'many': 'below 3', '3 to 5', 'above 5'}}, the meaning of the
            slices by 'candidates' for each component.
        choices: The figures of the table of choices, or None: {file, matched_rows, unmatched_rows, unused,
            uniform: {level: figures}, levels: {level: figures}, combinations: {'replay', 'pi': rates}}, all
            on the matched rows and without dm and dr; the levels are the components of the file and
            'overall'.
        uniformity: {suspicious: [component], sentence, components: {component: {p_value, deviation, ads}}}.
        skew: [{feature, distance, by_chance, train_rows, test_rows}], largest distance first, or None.

        An estimate is {value, low, high, problem, error, bootstrap: {low, high, problem, error} or None}.
        rates: {rate, lift_over_uniform, lift_over_serving}; each is an estimate, and a lift is None if there
            is nothing to compare with.
        figures: {sctr, lift_over_uniform, lift_over_serving: as in rates; estimators: {'ips', 'dm', 'dr':
            rates}; rows, clusters, match_rate, effective_sample_size; rows_needed: the number of impressions
            from which a lift of `config.lift_to_find` over uniform would be found}.
        slice: {value: [text, one per feature of `by`], rows, levels: {level: {uniform, sctr,
            lift_over_uniform, lift_over_serving, rows, clusters, effective_sample_size}}, attention}, for
            the policy `config.blessing_policy`, with delta-method intervals only (bootstrap is None).
    """
    totals = found.totals
    figures = _level_figures(found, config)
    paired = totals.matched.shape[1] > SERVING_START
    choices = found.choices and choice_figures(found.choices, config)
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
        'problems': _problems(totals, uniformity) + choice_problems(found.choices),
        'faults': totals.faults.counts,
        'verdict': asdict(_verdict(figures, calibration, totals, uniformity['suspicious'], config)),
        UNIFORM: figures.of_policy(UNIFORM_INDEX),
        'policies': _by_policy(figures.of_policy, MODEL_START, paired),
        'serving': _by_policy(figures.of_policy, SERVING_START, False) if paired else None,
        'combinations': {UNIFORM: figures.of_combinations(UNIFORM_INDEX)}
        | _by_policy(figures.of_combinations, MODEL_START, paired),
        'calibration': calibration,
        'attention': attention_of(totals.attention, totals.components),
        'slices': slice_figures(totals.slices, found.slices, figures.levels, config),
        'brackets': bracket_names(config, totals.components),
        'choices': choices,
        'uniformity': uniformity,
        'skew': found.skew,
    }


def _level_figures(found: Found, config: EvaluationConfig) -> LevelFigures:
    totals = found.totals
    sums = found.sums or Sums.none(len(totals.components), totals.matched.shape[1])
    return LevelFigures(sums, totals.counted, totals.matched, totals.components, config)


def _by_policy(figures: Callable[[int, int | None], dict], start: int, paired: bool) -> dict[str, dict]:
    """Computes the figures of the model whose policies start at column `start`, by policy.

    If `paired`, each policy is compared with the same policy of the serving model.
    """
    return {
        policy: figures(start + i, SERVING_START + i if paired else None) for i, policy in enumerate(POLICIES)
    }


def _verdict(
    figures: LevelFigures,
    calibration: dict,
    totals: Totals,
    suspicious: Sequence[str],
    config: EvaluationConfig,
) -> Verdict:
    paired = totals.matched.shape[1] > SERVING_START
    chosen = POLICIES.index(config.blessing_policy)
    ours = MODEL_START + chosen
    evidence = BlessingInputs(
        over_uniform=figures.lifts(ours, UNIFORM_INDEX),
        over_serving=figures.lifts(ours, SERVING_START + chosen) if paired else None,
        calibration_error=calibration.get('expected_calibration_error'),
        effective_sample_size=figures.effective_size(figures.levels.index(OVERALL), ours),
        unscored=totals.faults.counts['scores'],
        suspicious=tuple(suspicious),
    )
    return decide(config, evidence)


def _uniformity(uniformity: Uniformity | None, components: Sequence[str]) -> dict:
    if uniformity is None:
        return {'suspicious': [], 'sentence': 'there are no rows to check', 'components': {}}
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
        problems.append('every impression was clicked: nothing can be measured')
    for by, counts in totals.slices.items():
        if counts.full:
            problems.append(f'too many values of {" x ".join(by)} to tell which have the most rows')
    return problems
