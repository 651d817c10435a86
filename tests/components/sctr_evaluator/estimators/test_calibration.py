"""Calibration figures against plain formulas."""

import numpy as np
import pytest

from components.sctr_evaluator.estimators.calibration import Calibration


def _simulated(rows=4000, seed=1, bias=0.0):
    rng = np.random.default_rng(seed)
    logit = rng.normal(-2, 1, rows)
    click = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    return 1 / (1 + np.exp(-(logit + bias))), click, rng.uniform(0.5, 2, rows)


def _pairwise_auc(ctr, click, weight):
    hits, misses = click > 0, click == 0
    wins = (ctr[hits][:, None] > ctr[misses]) + 0.5 * (ctr[hits][:, None] == ctr[misses])
    return weight[hits] @ wins @ weight[misses] / (weight[hits].sum() * weight[misses].sum())


def test_figures_equal_plain_formulas():
    ctr, click, weight = _simulated()
    found = Calibration.of(ctr, click, weight).get()
    loss = -(click * np.log(ctr) + (1 - click) * np.log(1 - ctr))
    assert found['log_loss'] == pytest.approx(np.average(loss, weights=weight))
    assert found['auc'] == pytest.approx(_pairwise_auc(ctr, click, weight), abs=2e-4)
    assert found['predicted_ctr'] == pytest.approx(np.average(ctr, weights=weight))
    assert found['observed_ctr'] == pytest.approx(np.average(click, weights=weight))
    assert found['predicted_over_observed'] == pytest.approx((weight @ ctr) / (weight @ click))
    assert found['problem'] is None


def test_groups_share_the_weight_and_hold_all_of_it():
    ctr, click, weight = _simulated()
    found = Calibration.of(ctr, click, weight).get()
    groups = found['groups']
    assert len(groups) == 20
    shares = np.array([group['share'] for group in groups])
    assert shares.sum() == pytest.approx(1)
    assert (np.abs(shares - 0.05) < 0.01).all()
    predicted = np.array([group['predicted_ctr'] for group in groups])
    observed = np.array([group['observed_ctr'] for group in groups])
    assert (np.diff(predicted) > 0).all()
    assert shares @ observed == pytest.approx(found['observed_ctr'])
    assert shares @ np.abs(predicted - observed) == pytest.approx(found['expected_calibration_error'])


def test_bias_shows():
    honest = Calibration.of(*_simulated(rows=50_000)).get()
    biased = Calibration.of(*_simulated(rows=50_000, bias=0.5)).get()
    assert honest['expected_calibration_error'] < 0.01 < 0.03 < biased['expected_calibration_error']
    assert honest['predicted_over_observed'] == pytest.approx(1, abs=0.03)
    assert biased['predicted_over_observed'] > 1.3
    assert biased['log_loss'] > honest['log_loss']
    assert biased['auc'] == pytest.approx(honest['auc'], abs=1e-3)


def test_merged_parts_are_the_whole():
    ctr, click, weight = _simulated()
    parts = [
        Calibration.of(ctr[part], click[part], weight[part]) for part in np.split(np.arange(4000), [10, 900])
    ]
    merged, whole = Calibration.merged(parts).get(), Calibration.of(ctr, click, weight).get()
    assert merged == {
        name: pytest.approx(value) if name != 'groups' else merged[name] for name, value in whole.items()
    }
    assert len(merged['groups']) == len(whole['groups'])


@pytest.mark.parametrize(('click', 'problem'), [(0.0, 'no click'), (1.0, 'nothing but clicks')])
def test_one_sided_clicks_are_named(click, problem):
    found = Calibration.of(np.array([0.2, 0.7]), np.full(2, click), np.ones(2)).get()
    assert found['auc'] is None and found['problem'] == problem
    assert found['predicted_over_observed'] == (None if click == 0 else pytest.approx(0.45))


def test_certain_predictions_stay_finite():
    found = Calibration.of(np.array([0.0, 1.0, 0.5]), np.array([1.0, 0.0, 1.0]), np.ones(3)).get()
    assert np.isfinite(found['log_loss']) and found['auc'] == 0.0


def test_no_weight_is_named():
    assert Calibration.of(np.array([0.5]), np.ones(1), np.zeros(1)).get() == {
        'problem': 'no row has a weight'
    }
