"""The sCTR curves of TensorBoard are the figures of the evaluator, computed in another way."""

import numpy as np
import pytest
import tensorflow as tf

from components.sctr_evaluator.config import EvaluationConfig
from components.sctr_evaluator.results.evaluation import evaluate
from components.sctr_evaluator.rows.scored_rows import ScoredRows
from model.export.saved_model import export_model
from model.features.packed_batch import pack
from model.training.tensorboard_metrics import figures_of_tests, policy_of_shown
from model.training.train import train
from tests.components.sctr_evaluator.scored import found_of
from tests.model.conftest import CONFIG, SCHEMA

NAMES = [component.name for component in SCHEMA.components]


@pytest.fixture(scope='module')
def model(tables, batch):
    return train(tables, CONFIG, tf.data.Dataset.from_tensors(batch).repeat(20))


@pytest.fixture(scope='module')
def whole(logs) -> np.ndarray:
    """Rows without a list that is cut off: in the others the curves keep the shown element, as training does,
    and the evaluator keeps the first candidates, as serving does."""
    counts = [[len(ids) for ids in logs[c.candidates].to_pylist()] for c in SCHEMA.components]
    return np.flatnonzero(np.max(counts, axis=0) <= SCHEMA.max_candidates)


@pytest.fixture(scope='module')
def curves(model, transformed, tables, whole):
    batch = pack({name: tf.gather(values, whole) for name, values in transformed.items()}, tables)
    return figures_of_tests(lambda rows: policy_of_shown(model, rows), [batch], NAMES)


@pytest.fixture(scope='module')
def evaluation(model, transform_output, serialized, whole, tmp_path_factory):
    directory = str(tmp_path_factory.mktemp('export') / 'model')
    export_model(model, transform_output, CONFIG, directory)
    loaded = tf.saved_model.load(directory)
    rows = tf.constant([serialized[row] for row in whole])
    answer = loaded.score_examples(rows, tf.zeros([len(whole)], tf.int64))
    scored = ScoredRows(**{name: tensor.numpy() for name, tensor in answer.items()})
    config = EvaluationConfig(bootstrap_replicates=0)
    return evaluate(found_of(scored, scored.ad_key, config=config), config)


@pytest.mark.parametrize('level', [*NAMES, 'overall'])
def test_sctr_and_lift_are_those_of_the_sampled_policy_in_expectation(curves, evaluation, level):
    figures = evaluation['policies']['sampled_expectation'][level]
    assert abs(curves[f'sctr_lift/{level}']) > 1e-4, 'the policy must differ from chance'
    assert curves[f'sctr/{level}'] == pytest.approx(figures['sctr']['value'], rel=1e-5)
    lift = figures['lift_over_uniform']['value']
    assert 1 + curves[f'sctr_lift/{level}'] == pytest.approx(1 + lift, rel=1e-5)


def test_prediction_curves_are_the_calibration_figures(curves, evaluation):
    calibration = evaluation['calibration']
    assert curves['loss/combination'] == pytest.approx(calibration['log_loss'], rel=1e-5)
    assert curves['prediction/calibration'] == pytest.approx(calibration['predicted_over_observed'], rel=1e-5)
    assert curves['prediction/click_rate'] == pytest.approx(calibration['observed_ctr'], rel=1e-5)
    # The evaluator counts a click and a non-click of one narrow bucket as a tie.
    assert np.isclose(curves['prediction/auc'], calibration['auc'], atol=0.01)
