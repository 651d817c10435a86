"""Sums side by side against the estimators' own terms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sctr_evaluator.estimators.bootstrap import Replicates
from components.sctr_evaluator.estimators.cluster_sums import ClusterSums
from components.sctr_evaluator.estimators.importance_weights import (
    COMBINATION_ESTIMATORS,
    COMPONENT_ESTIMATORS,
    importance,
    replay_importance,
    slate_importance,
)
from components.sctr_evaluator.rows.policy_predictions import PolicyRows
from components.sctr_evaluator.sums.batch_sums import Batch
from components.sctr_evaluator.sums.estimator_sums import SumColumns, Sums, row_terms
from tests.components.sctr_evaluator.formulas_oracle import combination_terms, component_terms
from tests.components.sctr_evaluator.scored import random_scored

ROWS = 50


def _rows(seed=1):
    rng = np.random.default_rng(seed)
    scored = random_scored(rng, ROWS)
    scored = scored._replace(weight=rng.integers(0, 4, ROWS).astype(np.float32))
    return PolicyRows.of(scored, None), Batch.of(scored, 2)


def test_component_terms_are_those_of_the_estimators():
    policies, batch = _rows()
    found = SumColumns(3, 6).component_ratios(row_terms(policies, *batch))
    expected = component_terms(
        np.where(batch.is_counted, batch.weight[:, None], 0.0),
        batch.click,
        importance(policies.match, batch.propensity[..., None]),
        policies.expected,
        policies.predicted[..., 0],
    )
    for e, estimator in enumerate(COMPONENT_ESTIMATORS):
        np.testing.assert_allclose(found[estimator][:, :3], expected[:, :, e], atol=1e-12)
        np.testing.assert_allclose(found[estimator][:, 3], expected[:, :, e].sum(1), atol=1e-12)


def test_combination_terms_are_those_of_the_estimators():
    policies, batch = _rows(2)
    found = SumColumns(3, 6).combination_ratios(row_terms(policies, *batch))
    weights = [
        function(policies.match, batch.propensity, batch.present)
        for function in (replay_importance, slate_importance)
    ]
    expected = combination_terms(
        batch.weight, batch.click, *weights, policies.combination, policies.shown[:, 0]
    )
    for e, estimator in enumerate(COMBINATION_ESTIMATORS):
        np.testing.assert_allclose(found[estimator][:, 0], expected[:, e], atol=1e-12)


@given(st.integers(1, 8), st.integers(1, 12))
def test_the_layout_is_found_again_from_its_width(components, policies):
    layout = SumColumns(components, policies)
    assert SumColumns.of_width(layout.width, policies) == layout
    rows = np.arange(2.0 * layout.width).reshape(2, -1)
    parts = [*layout.by_component(rows), *layout.by_combination(rows)]
    assert all(np.shares_memory(part, rows) for part in parts)
    assert sorted(np.concatenate([part[1].ravel() for part in parts])) == sorted(rows[1])


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_groups_of_clusters_merge_to_the_whole(seed):
    rng = np.random.default_rng(seed)
    policies, batch = _rows(seed)
    table = ClusterSums.of(rng.integers(0, 1 << 62, ROWS), row_terms(policies, *batch))
    cut = int(rng.integers(1, ROWS))
    parts = [ClusterSums(table.keys[part], table.sums[part]) for part in (slice(cut), slice(cut, None))]
    merged, whole = Sums.merged([Sums.of(part, 6, 20) for part in parts]), Sums.of(table, 6, 20)
    for left, right in ((merged.components, whole.components), (merged.combinations, whole.combinations)):
        for name in right:
            np.testing.assert_allclose(left[name].second, right[name].second, atol=1e-9)
            np.testing.assert_array_equal(left[name].clusters, right[name].clusters)
    np.testing.assert_allclose(merged.replicates.sums, whole.replicates.sums, atol=1e-9)


def test_replicates_are_of_the_same_ratios_as_the_moments():
    policies, batch = _rows(3)
    table = ClusterSums.of(np.arange(ROWS) << 40, row_terms(policies, *batch))
    sums = Sums.of(table, 6, 30)
    for moments, replicates, ratios in (
        (sums.components, sums.component_replicates(), SumColumns.component_ratios),
        (sums.combinations, sums.combination_replicates(), SumColumns.combination_ratios),
    ):
        assert moments.keys() == replicates.keys()
        terms = ratios(SumColumns(3, 6), table.sums)
        for name in moments:
            expected = Replicates.of(ClusterSums(table.keys, terms[name]), 30)
            np.testing.assert_allclose(replicates[name].sums, expected.sums, atol=1e-9)


def test_without_a_bootstrap_there_are_no_replicates():
    policies, batch = _rows()
    sums = Sums.of(ClusterSums.of(np.arange(ROWS), row_terms(policies, *batch)), 6, 0)
    merged = Sums.merged([sums, sums])
    assert merged.component_replicates() == merged.combination_replicates() == {}


def test_nothing_counts_in_the_sums_of_nothing():
    assert not Sums.none(3, 6).components['snips'].clusters.any()
    assert Sums.none(3, 6).combinations['replay'].first.shape == pytest.approx((1, 6, 2))
