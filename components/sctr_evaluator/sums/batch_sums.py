"""All sums of an evaluation over one batch of scored rows; pure numpy."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.estimators.calibration import Calibration
from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.propensity_check import residuals
from components.sctr_evaluator.policies import MODEL_START, POLICIES, SERVING_START, UNIFORM_INDEX
from components.sctr_evaluator.rows.invalid_rows import Faults, sound
from components.sctr_evaluator.rows.policy_predictions import PolicyRows
from components.sctr_evaluator.rows.scored_rows import ScoredRows
from components.sctr_evaluator.sums.estimator_sums import SumColumns, row_terms
from components.sctr_evaluator.sums.row_totals import Totals
from components.sctr_evaluator.sums.slice_sums import SliceRows, brackets, middle_brackets


class Measured(NamedTuple):
    """The sums over one batch.

    Attributes:
        clusters: The sums of `estimator_sums.row_terms` per cluster.
        ads: The sums of `propensity_check.residuals` per ad, float64 [C, M, N + 4].
        slices: The rows to be grouped; their sums are float64 [R, M, 4 + 2 x policies], see `slice_columns`.
        totals: The sums that need no clusters.
        sound: The mask of the rows without a fault, bool [R].
    """

    clusters: ClusterSums
    ads: ClusterSums
    slices: SliceRows
    totals: Totals
    sound: np.ndarray


class Batch(NamedTuple):
    """R rows without a fault; numbers are float64, and `present` and `is_counted` are bool [R, M]."""

    click: np.ndarray
    weight: np.ndarray
    propensity: np.ndarray
    present: np.ndarray
    is_counted: np.ndarray

    @classmethod
    def of(cls, scored: ScoredRows, min_candidates: int) -> 'Batch':
        """Converts the outputs of the exported model.

        A component counts where it has at least `min_candidates` candidates.
        """
        present = scored.shown >= 0
        return cls(
            scored.click.astype(np.float64),
            scored.weight.astype(np.float64),
            scored.shown_propensity.astype(np.float64),
            present,
            present & (scored.candidate_count >= min_candidates),
        )


def measure(
    scored: ScoredRows,
    serving: ScoredRows | None,
    keys: np.ndarray,
    labels: Mapping[str, list[str | None]],
    config: EvaluationConfig,
) -> Measured:
    """Sums one batch; rows with a fault are left out and counted.

    Args:
        scored: The outputs of the exported model for R rows, at least one.
        serving: The outputs of the serving model for the same rows, or None where there is none.
        keys: The hash of each row's cluster, int64 [R].
        labels: The values to slice by, {feature: R values}.
        config: The configuration of the evaluation.

    Returns:
        The sums. The axis P holds the uniform policy, the model's policies and, if there is a serving model,
        its policies.
    """
    span = scored.timestamp
    good, faults = _sound(scored)
    unscored = 0
    if serving is not None:
        also_good, theirs = _sound(serving)
        good, unscored = good & also_good, theirs.counts['scores']
    if not good.all():
        scored, serving = scored.take(good), None if serving is None else serving.take(good)
        keys, labels = keys[good], {name: _of(values, good) for name, values in labels.items()}
    batch = Batch.of(scored, config.min_candidates)
    policies = PolicyRows.of(scored, serving)
    terms = row_terms(policies, *batch)
    shares = _residuals(scored, batch)
    return Measured(
        ClusterSums.of(keys, terms),
        ClusterSums.of(scored.ad_key, shares),
        _slice_rows(scored, batch, policies, terms, keys, labels, config),
        _totals(scored, batch, policies, (int(span.min()), int(span.max())), faults, unscored),
        good,
    )


def slice_columns(config: EvaluationConfig, serving: bool) -> tuple[int, ...]:
    """The policies whose terms are summed per slice, as indices on the axis P.

    The sums of a slice hold, per component, the clicks and the exposure of each of these policies; the sum of
    weight x (m / propensity)^2 of the second policy; the number of rows that count; and the attention and the
    weight as in `Totals.attention`.
    """
    chosen = POLICIES.index(config.blessing_policy)
    columns = (UNIFORM_INDEX, MODEL_START + chosen)
    return (*columns, SERVING_START + chosen) if serving else columns


def _sound(scored: ScoredRows) -> tuple[np.ndarray, Faults]:
    return sound(
        scored.click,
        scored.weight,
        scored.shown,
        scored.candidate_count,
        scored.shown_propensity,
        [
            scored.element_score,
            scored.element_probability,
            scored.shown_ctr,
            scored.generated_ctr,
            scored.uniform_ctr,
            scored.attention_weight,
        ],
    )


def _of(values: list, rows: np.ndarray) -> list:
    return [value for value, chosen in zip(values, rows) if chosen]


def _residuals(scored: ScoredRows, batch: Batch) -> np.ndarray:
    places = scored.element_score.shape[2]
    return residuals(scored.shown, scored.candidate_count, batch.propensity, batch.weight, places)


def _slice_rows(
    scored: ScoredRows,
    batch: Batch,
    policies: PolicyRows,
    terms: np.ndarray,
    keys: np.ndarray,
    labels: Mapping[str, list[str | None]],
    config: EvaluationConfig,
) -> SliceRows:
    columns, weight = SumColumns(*policies.match.shape[1:]).by_component(terms)
    chosen = slice_columns(config, policies.match.shape[2] > SERVING_START)
    ratios = columns[:, :, :2, list(chosen)].transpose(0, 1, 3, 2)
    square = weight * np.square(policies.match[:, :, chosen[1]] / batch.propensity)
    present = np.where(batch.present, batch.weight[:, None], 0.0)
    others = [square, batch.is_counted, present * scored.attention_weight, present]
    sums = np.concatenate([ratios.reshape(*weight.shape, 2 * len(chosen)), np.stack(others, 2)], 2)
    middle = middle_brackets(config, scored.component_names)
    bracket = np.where(batch.is_counted, brackets(scored.candidate_count, middle), -1)
    return SliceRows(keys, labels, scored.timestamp, bracket, sums)


def _totals(
    scored: ScoredRows,
    batch: Batch,
    policies: PolicyRows,
    span: tuple[int, int],
    faults: Faults,
    unscored: int,
) -> Totals:
    weight, click = batch.weight, batch.click
    counted = np.where(batch.is_counted, weight[:, None], 0.0)
    ratio = policies.match / batch.propensity[..., None]
    matched = [np.einsum('rm,rmp->mp', counted, m) for m in (policies.match, np.square(ratio))]
    present = np.where(batch.present, weight[:, None], 0.0)
    return Totals(
        components=scored.component_names,
        rows=len(click),
        impressions=float(weight.sum()),
        clicks=float(weight @ click),
        first=span[0],
        last=span[1],
        counted=_with_pool(np.stack([batch.is_counted.sum(0), counted.sum(0)], 1)),
        matched=_with_pool(np.stack(matched, 2)),
        attention=np.stack([(present * scored.attention_weight).sum(0), present.sum(0)]),
        calibration=Calibration.of(scored.shown_ctr.astype(np.float64), click, weight),
        faults=faults,
        unscored=unscored,
    )


def _with_pool(values: np.ndarray) -> np.ndarray:
    """Adds a last level that pools all components."""
    return np.concatenate([values, values.sum(0, keepdims=True)])
