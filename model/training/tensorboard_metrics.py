"""Computes the figures of TensorBoard's curves and histograms."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tensorflow as tf

from creative_logs.schema import CLICK, WEIGHT
from model.features import packed_batch as keys
from model.features.packed_batch import Batch
from model.network.genco import GenCO

OVERALL = 'overall'
_ROWS_OF_A_HISTOGRAM = 20_000

MEANING = {
    'loss/total': 'L = L_comb + L_ele + lambda L_RL, each times its configured weight, per impression.',
    'loss/combination': 'L_comb: log loss, in nats per impression, of the CTR predicted for what was shown.',
    'loss/element': 'L_ele: log loss of each shown element scored alone, summed over components.',
    'loss/rl': 'L_RL: policy gradient loss. Its level means little: it is -reward x log pi.',
    'prediction/auc': 'Chance that a clicked impression is predicted above one that was not; 0.5 is blind.',
    'prediction/calibration': 'Predicted clicks / clicks. Above 1: the model promises too much.',
    'prediction/predicted_ctr': 'Mean predicted CTR of what was shown.',
    'prediction/click_rate': 'Clicks / impressions.',
    'entropy': 'Of pi_theta over the candidates, in nats; ln n where n candidates are equally likely.',
    'relative_entropy': 'Entropy of pi_theta / entropy of a uniform choice: 1 is blind, 0 is certain.',
    'attention_weight': 'MIL weight w of the shown element; the weights of an impression sum to 1.',
    'sctr': 'CTR if pi_theta chose this component and chance the others: sum(v pi y / q) / sum(v pi / q).',
    'sctr_lift': 'sctr / sctr of a uniform choice on the same rows - 1. A point without an interval: the '
    'evaluator has intervals.',
}


def build(model: GenCO, batch: Batch) -> None:
    """Creates the weights, whose names would otherwise begin with the name scopes of `policy_of_shown`."""
    encoded = model.encode(batch)
    model.score_elements(encoded)
    model.score_combination(encoded, batch[keys.SHOWN])


def policy_of_shown(model: GenCO, batch: Batch) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Evaluates the policy and the predicted CTR for the shown elements.

    Returns:
        pi of the shown elements float32 [B, M], 0 where absent; the entropy of pi in nats float32 [B, M]; and
        the predicted logit float32 [B].
    """
    with tf.name_scope('encode'):
        encoded = model.encode(batch)
    with tf.name_scope('policy'):
        log_policy = model.log_policy(encoded, model.score_elements(encoded))
        place, present = model.places(encoded.index, batch[keys.SHOWN])
        shown = tf.where(present, tf.exp(tf.gather(log_policy, place)), 0.0)
    with tf.name_scope('entropy'):
        entropy = model.policy_entropy(encoded, log_policy)
    with tf.name_scope('shown_combination'):
        logit = model.score_combination(encoded, batch[keys.SHOWN]).logit
    return shown, entropy, logit


def figures_of_tests(
    evaluate: Callable[[Batch], Sequence[tf.Tensor]], batches: Iterable[Batch], components: Sequence[str]
) -> dict[str, float]:
    """Returns the figures of the test run by curve name; an undetermined figure is not finite.

    sCTR is computed in its expectation form, sum(v pi y / q) / sum(v pi / q), over rows with at least two
    candidates, where v is the weight of a row and q the propensity of what was shown. `overall` pools the
    components.

    Args:
        evaluate: A function that returns, like `policy_of_shown`, pi of the shown elements [B, M], the
            entropy [B, M] and the logit [B] of a batch.
        batches: Packed batches with labels.
        components: The names of the components, axis M.
    """
    clicked, shown, entropy = (np.zeros((2, len(components))) for _ in range(3))  # row 0: pi, row 1: uniform
    clicks, logits, weights = [], [], []
    for batch in batches:
        policy, disorder, logit = (tensor.numpy() for tensor in evaluate(batch))
        click, weight = batch[CLICK].numpy(), batch[WEIGHT].numpy().astype(np.float64)
        counts, logged = batch[keys.COUNTS].numpy(), batch[keys.PROPENSITY].numpy()
        choice = (counts > 1) * weight[:, None]
        n = np.maximum(counts, 1)
        for row, (probability, nats) in enumerate(((policy, disorder), (1 / n, np.log(n)))):
            importance = choice * probability / logged
            shown[row] += importance.sum(0)
            clicked[row] += (importance * click[:, None]).sum(0)
            entropy[row] += (choice * nats).sum(0)
        clicks.append(click)
        logits.append(logit)
        weights.append(weight)
    with np.errstate(divide='ignore', invalid='ignore'):
        figures = _prediction(*(np.concatenate(values) for values in (clicks, logits, weights)))
        rates = _with_total(clicked) / _with_total(shown)
        lift = rates[0] / rates[1] - 1
        relative = entropy[0] / entropy[1]
    named = {'sctr': rates[0], 'sctr_lift': lift, 'relative_entropy': relative}
    for group, values in named.items():
        figures |= {f'{group}/{name}': float(v) for name, v in zip([*components, OVERALL], values)}
    return figures


def _with_total(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, values.sum(-1, keepdims=True)], -1)


def _prediction(click: np.ndarray, logit: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Returns how well the CTR of shown combinations is predicted; all arrays are [rows]."""
    predicted = np.average(1 / (1 + np.exp(-logit)), weights=weight)
    click_rate = np.average(click, weights=weight)
    return {
        'loss/combination': np.average(np.logaddexp(0, logit) - click * logit, weights=weight),
        'prediction/auc': auc(click, logit, weight),
        'prediction/predicted_ctr': predicted,
        'prediction/click_rate': click_rate,
        'prediction/calibration': predicted / click_rate,
    }


def auc(click: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Returns the exact area under the ROC curve; a tie counts one half, and NaN means labels of one kind."""
    _, rank = np.unique(score, return_inverse=True)
    positive, negative = np.bincount(rank, weight * click), np.bincount(rank, weight * (1 - click))
    below = np.cumsum(negative) - negative / 2
    return (positive * below).sum() / (positive.sum() * negative.sum())


def histograms(model: GenCO) -> dict[str, tf.Tensor]:
    """Returns the values of the histograms: embedding tables, biases of ids that were seen, and weights."""
    tables = {
        _name(variable).removesuffix('_embedding'): variable
        for variable in ([*model.embeddings, model.component_embedding] if model.config.phi else [])
    }
    if model.config.phi and model.tables.frequent:
        tables['element_with_dedicated_row'] = model.element_embedding[model.tables.frequent_start :]
    values = {f'embedding/{name}': _sample(table) for name, table in tables.items()}
    if model.effects:
        for layer in (model.effects.element_bias, model.effects.ad_bias):
            seen = layer.precision > layer.prior_std**-2
            values[f'bias/{layer.name.removesuffix("_bias")}'] = tf.boolean_mask(layer.mean, seen)
    for layer in model.layers:
        prefix = f'{layer.name}/'
        for variable in layer.trainable_variables:
            if any(variable is table for table in model.embeddings):
                continue
            values[f'weights/{prefix}{_name(variable).removeprefix(prefix)}'] = variable
    return values


def _name(variable: tf.Variable) -> str:
    return variable.name.split(':')[0]


def _sample(table: tf.Tensor) -> tf.Tensor:
    """Samples evenly spaced rows, as a histogram of a table with millions of rows would take seconds."""
    return table[:: -(-table.shape[0] // _ROWS_OF_A_HISTOGRAM)]
