"""The exported model: served answers equal offline answers, and the contract of section 7."""

import numpy as np
import pytest
import tensorflow as tf

from model.export.request_tensors import request_spec
from model.export.saved_model import CONFIG_FILE, WARMUP_FILE
from model.features.packed_batch import index_of
from tests.model.conftest import CONFIG, SCHEMA
from tests.model.requests import no_content, request_of

pytestmark = pytest.mark.minutes

K = CONFIG.model.samples


@pytest.fixture(scope='module')
def request_tensors(logs):
    return request_of(logs, 40)


@pytest.fixture(scope='module')
def answer(loaded, request_tensors):
    return {k: v.numpy() for k, v in loaded.signatures['serving_default'](**request_tensors).items()}


def test_selected_is_the_best_of_the_combinations_and_names_its_ids(answer, request_tensors):
    best = answer['combination_ctr'].argmax(1)
    rows = np.arange(len(best))
    np.testing.assert_array_equal(answer['selected_index'], answer['combinations'][rows, best])
    np.testing.assert_allclose(answer['ctr'], answer['combination_ctr'][rows, best])
    assert answer['combinations'].shape == (40, K, 3)
    for j, component in enumerate(SCHEMA.components):
        ids = request_tensors[component.candidates].numpy()
        for row, choice in enumerate(answer['selected_index'][:, j]):
            expected = ids[row, choice] if choice >= 0 else b''
            assert answer['selected_id'][row, j] == expected
            assert (choice == -1) == (not any(ids[row]))
    assert [name.decode() for name in answer['component'][0]] == [c.name for c in SCHEMA.components]


def test_propensity_is_the_generators_probability(answer, loaded, request_tensors):
    tables = loaded.signatures['score_elements'](**request_tensors)
    probability = tables['element_probability'].numpy()
    chosen = answer['selected_index']
    for row, j in np.ndindex(chosen.shape):
        expected = probability[row, j, chosen[row, j]] if chosen[row, j] >= 0 else 1.0
        assert answer['propensity'][row, j] == pytest.approx(expected, rel=1e-6)
    present = chosen >= 0
    np.testing.assert_allclose(probability.sum(2)[present], 1.0, rtol=1e-5)
    assert (probability.sum(2)[~present] == 0).all()


def test_effect_std_is_that_of_the_posterior_of_the_chosen_elements(answer, model, batch, logs):
    index, precision = index_of(batch['counts']), model.effects.element_bias.precision.numpy()
    selected, checked = answer['selected_index'], 0
    importance = np.exp(model.effects.importance(batch['context_ids'])[: len(selected)])
    untruncated = np.array([k < SCHEMA.max_candidates for k in logs['title_shown'].to_pylist()])
    for row, j in np.ndindex(selected.shape):
        if selected[row, j] < 0:
            assert answer['effect_std'][row, j] == 0
        elif untruncated[row]:
            element = batch['elements'][index.start[row, j] + selected[row, j]]
            std = importance[row, j] * precision[element] ** -0.5
            assert answer['effect_std'][row, j] == pytest.approx(std, rel=1e-5)
            checked += 1
    assert checked > 60
    priors = importance * CONFIG.training.element_prior_std
    assert (answer['effect_std'] < priors + 1e-6).all() and np.ptp(answer['effect_std'][selected >= 0]) > 1e-3


def test_score_combinations_gives_the_served_ctr(answer, loaded, request_tensors):
    again = loaded.signatures['score_combinations'](
        **request_tensors, combinations=tf.constant(answer['combinations'])
    )
    np.testing.assert_allclose(again['combination_ctr'], answer['combination_ctr'], rtol=1e-5)


def test_an_ads_answer_does_not_depend_on_the_rest_of_therequest_of(answer, loaded, request_tensors):
    for row in (0, 17):
        alone = {name: value[row : row + 1] for name, value in request_tensors.items()}
        single = loaded.signatures['serving_default'](**alone)
        np.testing.assert_array_equal(single['combinations'][0], answer['combinations'][row])
        np.testing.assert_allclose(single['combination_ctr'][0], answer['combination_ctr'][row], rtol=1e-5)


def test_an_ads_answer_does_not_depend_on_the_padding_of_therequest_of(answer, loaded, request_tensors):
    wider = {
        name: tf.pad(value, [[0, 0], [0, 3]], constant_values='') if value.shape.rank == 2 else value
        for name, value in request_tensors.items()
    }
    padded = loaded.signatures['serving_default'](**wider)
    np.testing.assert_array_equal(padded['combinations'], answer['combinations'])
    np.testing.assert_allclose(padded['combination_ctr'], answer['combination_ctr'], rtol=1e-5)


def test_another_seed_draws_other_combinations(answer, loaded, request_tensors, logs):
    other = loaded.signatures['serving_default'](**request_of(logs, 40, seed=8))
    assert (other['combinations'].numpy() != answer['combinations']).any()


@pytest.mark.parametrize(
    'name', [name for name, spec in request_spec(SCHEMA).items() if spec.shape.rank == 1]
)
@pytest.mark.parametrize('values', [3, 5])
def test_a_feature_that_has_not_one_value_per_ad_is_refused(loaded, logs, name, values):
    request = request_of(logs, 4) | {name: request_of(logs, values)[name]}
    with pytest.raises(tf.errors.InvalidArgumentError):
        loaded.signatures['serving_default'](**request)


def test_served_scores_equal_offline_scores(loaded, model, batch, logs):
    few = logs.slice(0, 600)
    served = loaded.signatures['score_elements'](**request_of(few, 600))
    encoded = model.encode(batch)
    scores = model.score_elements(encoded).numpy()
    index = index_of(batch['counts'])
    table = served['element_score'].numpy()
    at = table[index.ad, index.component, index.position]
    shown_kept = np.array([k < SCHEMA.max_candidates for k in logs['title_shown'].to_pylist()])
    same = shown_kept[index.ad.numpy()]
    np.testing.assert_allclose(at[same], scores[same], rtol=2e-4, atol=2e-5)


def test_examples_signature_answers_like_serving_default(loaded, serialized, logs, request_tensors):
    answer = loaded.signatures['examples'](examples=tf.constant(serialized[:40]))
    direct = loaded.signatures['serving_default'](**request_tensors)
    np.testing.assert_array_equal(answer['combinations'][:, 0], direct['combinations'][:, 0])
    chosen_alike = answer['selected_index'].numpy() == direct['selected_index'].numpy()
    assert chosen_alike.any()
    same = [outputs['effect_std'].numpy()[chosen_alike] for outputs in (answer, direct)]
    np.testing.assert_array_equal(*same)
    assert answer['selected_index'].shape == (40, 3)


def test_scorer_for_evaluation(loaded, model, serialized, logs, batch):
    found = loaded.score_examples(tf.constant(serialized), tf.zeros([600], tf.int64))
    np.testing.assert_array_equal(found['click'], logs['click'].to_numpy())
    for j, component in enumerate(SCHEMA.components):
        np.testing.assert_array_equal(found['shown'][:, j], logs[component.shown].to_numpy())
        lengths = [len(ids) for ids in logs[component.candidates].to_pylist()]
        np.testing.assert_array_equal(found['candidate_count'][:, j], lengths)
        expected = [1 / n if n else 1.0 for n in lengths]
        np.testing.assert_allclose(found['shown_propensity'][:, j], expected, rtol=1e-6)
    present = found['candidate_count'].numpy() > 0
    for policy in ('greedy', 'sampled', 'two_stage', 'combination'):
        choice = found[policy].numpy()
        assert ((choice >= 0) == present).all()
        assert (choice < np.minimum(found['candidate_count'], SCHEMA.max_candidates)).all() | ~present.all()
    np.testing.assert_array_equal(
        found['greedy'], found['element_score'].numpy().argmax(2) * present - ~present
    )
    encoded = model.encode(batch)
    logit = model.score_combination(encoded, batch['shown']).logit
    np.testing.assert_allclose(found['shown_ctr'], tf.sigmoid(logit), rtol=2e-4)


def test_a_row_is_scored_alike_beside_truncated_rows_and_without(loaded, serialized, logs):
    counts = np.array(
        [
            max(len(ids) for ids in row)
            for row in zip(*(logs[c.candidates].to_pylist() for c in SCHEMA.components))
        ]
    )
    short = np.flatnonzero(counts <= SCHEMA.max_candidates)[:30]
    rows = [serialized[row] for row in short]
    beside = rows + [serialized[np.flatnonzero(counts > SCHEMA.max_candidates)[0]]]
    alone = loaded.score_examples(tf.constant(rows), tf.zeros([30], tf.int64))
    mixed = loaded.score_examples(tf.constant(beside), tf.zeros([31], tf.int64))
    for name in ('shown_ctr', 'attention_weight', 'two_stage', 'sampled'):
        np.testing.assert_allclose(alone[name], mixed[name][:30], rtol=2e-4, err_msg=name)


def test_sampled_policy_follows_its_probabilities(loaded, serialized):
    one = tf.repeat(tf.constant(serialized[3:4]), 4000)
    found = loaded.score_examples(one, tf.range(4000, dtype=tf.int64))
    for j in range(3):
        count = int(found['candidate_count'][0, j])
        if count > 1:
            share = np.bincount(found['sampled'][:, j].numpy(), minlength=5)[:5] / 4000
            np.testing.assert_allclose(share, found['element_probability'][0, j], atol=0.03)


def test_unseen_ids_are_served(loaded):
    request = no_content(1)
    for name, spec in request_spec(SCHEMA).items():
        if name in request:
            continue
        shape = [1, 2] if spec.shape.rank == 2 else [1]
        request[name] = tf.fill(
            shape, tf.constant('never seen') if spec.dtype == tf.string else tf.zeros([], spec.dtype)
        )
    answer = loaded.signatures['serving_default'](**request)
    assert 0 < float(answer['ctr'][0]) < 1


def test_empty_text_at_the_end_keeps_its_candidate(loaded, request_tensors):
    request = {name: value[:1] for name, value in request_tensors.items()}
    request['title_candidates'] = tf.constant([['a', 'b']])
    request['title_text'] = tf.constant([['some words', '']])
    assert loaded.signatures['serving_default'](**request)['combinations'].shape == (1, K, 3)


def test_texts_that_do_not_fit_the_candidates_are_refused(loaded, request_tensors):
    request = request_tensors | {'title_text': request_tensors['title_text'][:, :1]}
    with pytest.raises(tf.errors.InvalidArgumentError, match='title_text must have one text for each'):
        loaded.signatures['serving_default'](**request)


def test_export_holds_configuration_and_warmup_and_no_temporary(exported):
    extra = exported / 'assets.extra'
    assert CONFIG.model_validate_json((extra / CONFIG_FILE).read_text()) == CONFIG
    assert sum(1 for _ in tf.data.TFRecordDataset(str(extra / WARMUP_FILE))) == 10
    assert [path.name for path in exported.parent.iterdir()] == ['model']
