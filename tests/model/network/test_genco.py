"""The model: packed equals padded, permutations, masks, training at any CTR, presets."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.training.padded_genco import PaddedGenCO, PaddedTrainer, pad, stock_attention_weights
from creative_logs.errors import InputError
from model.config import PRESETS, ModelConfig, TrainingConfig
from model.network.genco import GenCO
from model.training.train import first_logit
from model.training.trainer import GencoTrainer
from tests.model.random_batches import TABLES, random_batch

STEPS = 3


def _trainer(kind=GencoTrainer, network=GenCO, config=None, training=None):
    tf.keras.utils.set_random_seed(0)
    training = training or TrainingConfig()
    trainer = kind(network(TABLES, config or ModelConfig(phi=True), training), training)
    trainer.compile()
    return trainer


@pytest.fixture
def batches():
    rng = np.random.default_rng(0)
    return [random_batch(rng) for _ in range(STEPS)]


def _named(model):
    """All weights but those of the attention, which each form keeps in its own shapes."""
    return {weight.name: weight for weight in model.weights if 'attention/' not in weight.name}


def _copy_weights(packed, padded):
    sources = _named(packed)
    for name, weight in _named(padded).items():
        weight.assign(sources[name])
    padded.network.attention.set_weights(stock_attention_weights(packed.network.attention.get_weights()))


def test_packed_equals_padded_in_loss_metrics_and_after_updates(batches):
    sgd = TrainingConfig(
        dense_optimizer='sgd', dense_learning_rate=0.1, sparse_optimizer='sgd', sparse_learning_rate=0.05
    )
    packed, padded = _trainer(training=sgd), _trainer(PaddedTrainer, PaddedGenCO, training=sgd)
    packed.compute_loss(batches[0])
    padded.compute_loss(pad(batches[0], TABLES.max_candidates))
    packed.network.effects.combination_bias.mean.assign(
        tf.random.normal([packed.network.config.combination_rows])
    )
    _copy_weights(packed, padded)
    for batch in batches:
        losses = [
            float(packed.train_step(batch)['loss']),
            float(padded.train_step(pad(batch, TABLES.max_candidates))['loss']),
        ]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    others = _named(padded) | dict(enumerate(padded.network.attention.get_weights()))
    mine = _named(packed) | dict(enumerate(stock_attention_weights(packed.network.attention.get_weights())))
    assert mine.keys() == others.keys()
    for name, weight in mine.items():
        np.testing.assert_allclose(weight, others[name], rtol=1e-3, atol=2e-5, err_msg=str(name))
    assert packed.figures() == pytest.approx(padded.figures(), rel=1e-3, abs=1e-5)


def test_scores_move_with_the_candidates_when_they_are_permuted(batches):
    trainer, batch = _trainer(), batches[0]
    for step in batches:
        trainer.train_step(step)
    model = trainer.network
    rng = np.random.default_rng(1)
    counts = batch['counts'].numpy().reshape(-1)
    starts = np.cumsum(counts) - counts
    order = np.concatenate([start + rng.permutation(n) for start, n in zip(starts, counts)])
    scores = model.score_elements(model.encode(batch)).numpy()
    turned = model.score_elements(
        model.encode(batch | {'elements': tf.gather(batch['elements'], order)})
    ).numpy()
    np.testing.assert_allclose(turned, scores[order], rtol=1e-4, atol=1e-5)


def test_an_ads_scores_do_not_depend_on_other_ads(batches):
    trainer, batch = _trainer(), batches[0]
    for step in batches:
        trainer.train_step(step)
    model = trainer.network
    ad = 5
    first, last = (int(batch['counts'].numpy()[: ad + extra].sum()) for extra in (0, 1))
    terms = batch['term_counts'].numpy()[:, 0]
    alone = {k: v[ad : ad + 1] for k, v in batch.items() if k not in ('elements', 'terms')}
    alone['elements'] = batch['elements'][first:last]
    alone['terms'] = batch['terms'][terms[:ad].sum() : terms[: ad + 1].sum()]
    together = model.score_elements(model.encode(batch))[first:last]
    np.testing.assert_allclose(model.score_elements(model.encode(alone)), together, rtol=1e-4, atol=1e-5)


def test_combination_score_of_the_additive_part_is_a_sum(batches):
    model, batch = _trainer().network, batches[0]
    model.effects.element_bias.mean.assign(tf.random.normal([TABLES.element_rows]))
    model.effects.ad_bias.mean.assign(tf.random.normal([TABLES.ids['ad_id']]))
    model.intercept.assign(-2.0)
    logit = model.score_combination(model.encode(batch), batch['shown']).logit.numpy()
    element, ad = model.effects.element_bias.mean.numpy(), model.effects.ad_bias.mean.numpy()
    counts, rows, start = batch['counts'].numpy(), batch['elements'].numpy(), 0
    for i, (chosen, n) in enumerate(zip(batch['shown'].numpy(), counts)):
        expected = -2.0 + ad[batch['context_ids'][i, 1] - TABLES.ids['user_id']]
        for j, k in enumerate(chosen):
            if k >= 0:
                expected += element[rows[start + k]]
            start += n[j]
        assert logit[i] == pytest.approx(expected, abs=1e-5)


def test_a_combination_has_an_effect_of_its_own(batches):
    model, batch = _trainer().network, batches[0]
    encoded, shown = model.encode(batch), batch['shown']
    before = model.score_combination(encoded, shown).logit.numpy()
    model.effects.combination_bias.mean.assign(tf.random.normal([model.config.combination_rows]))
    change = model.score_combination(encoded, shown).logit.numpy() - before
    assert np.abs(change).min() > 0 and len(np.unique(change.round(5))) > 20
    elements_only = model.score_elements(model.encode(batch)).numpy()
    model.effects.combination_bias.mean.assign(tf.zeros([model.config.combination_rows]))
    np.testing.assert_array_equal(elements_only, model.score_elements(model.encode(batch)).numpy())


def test_weighted_rows_equal_repeated_rows(batches):
    """Losses, for the batch statistics of the encoder differ: evaluated without training."""
    model, batch = _trainer(), batches[0]
    weighted = batch | {'weight': tf.fill([24], 2.0)}
    plain = batch | {'weight': tf.ones([24])}
    assert float(model.compute_loss(weighted)) == pytest.approx(
        2 * float(model.compute_loss(plain)), rel=1e-5
    )


def test_loss_weights_switch_terms_off(batches):
    only_combination = TrainingConfig(element_loss=0, rl_loss=0)
    model = _trainer(training=only_combination)
    total = float(model.compute_loss(batches[0])) / float(tf.reduce_sum(batches[0]['weight']))
    assert total == pytest.approx(float(model.figures()['loss_combination']), rel=1e-5)


def test_without_attention_the_other_components_have_no_say(batches):
    model, batch = _trainer(config=ModelConfig(phi=True, attention=False)).network, batches[0]
    encoded = model.encode(batch)
    assert (encoded.features.numpy()[:, -4:] == 0).all()
    assert not any('attention/' in variable.name for variable in model.trainable_variables)


def _clicks(rng, ctr, rows):
    clicks = (rng.random(rows) < ctr).astype(np.float32)
    clicks[0] = 1.0
    return tf.constant(clicks)


@pytest.mark.parametrize('preset', ['tuned', 'tuned with phi', 'paper'])
@pytest.mark.parametrize('ctr', [0.001, 0.015, 0.0684, 0.30])
def test_training_stays_finite_at_any_ctr(ctr, preset):
    rng = np.random.default_rng(0)
    values = PRESETS[preset.split()[0]]
    config = {'phi': 'phi' in preset} | values['model']
    trainer = _trainer(config=ModelConfig(**config), training=TrainingConfig(**values['training']))
    model = trainer.network
    batch = random_batch(rng, ads=512)
    model.intercept.assign(np.log(ctr / (1 - ctr)))
    step = tf.function(trainer.train_step, reduce_retracing=True)
    for _ in range(80):
        loss = float(step(batch | {'click': _clicks(rng, ctr, 512)})['loss'])
    assert np.isfinite(loss)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    scores = model.score_elements(model.encode(batch)).numpy()
    assert np.abs(scores).max() < 100


def test_learns_which_element_is_clicked():
    rng = np.random.default_rng(0)
    trainer = _trainer()
    model = trainer.network
    good = 3
    step = tf.function(trainer.train_step, reduce_retracing=True)
    for _ in range(60):
        batch = random_batch(rng, ads=256)
        index_rows = batch['elements'].numpy()
        counts = batch['counts'].numpy()
        starts = np.cumsum(counts.reshape(-1)).reshape(counts.shape) - counts
        shown_title = index_rows[
            np.minimum(starts[:, 0] + np.maximum(batch['shown'][:, 0], 0), len(index_rows) - 1)
        ]
        rate = np.where((batch['shown'].numpy()[:, 0] >= 0) & (shown_title == good), 0.6, 0.1)
        step(batch | {'click': tf.constant((rng.random(256) < rate).astype(np.float32))})
    assert int(tf.argmax(model.effects.element_bias.mean[: TABLES.components['title']])) == good


def test_intercept_starts_at_the_observed_rate_and_needs_both_labels(batches):
    clicks = sum(float(tf.reduce_sum(b['click'] * b['weight'])) for b in batches)
    rows = sum(float(tf.reduce_sum(b['weight'])) for b in batches)
    assert first_logit(batches) == pytest.approx(np.log(clicks / (rows - clicks)))
    with pytest.raises(InputError, match="column 'click'.*0 clicks"):
        first_logit([b | {'click': tf.zeros([24])} for b in batches])
