"""What a training writes for TensorBoard, read back from its files."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.projector import ProjectorConfig

from model.config import ModelConfig, TrainingConfig
from model.features.packed_batch import pack
from model.features.preprocessing import frequent_elements
from model.network.genco import GenCO
from model.training.tensorboard import Periodic, Snapshots, evenly_spaced, training_callbacks
from model.training.tensorboard_metrics import MEANING, auc, figures_of_tests, histograms, policy_of_shown
from model.training.train import train
from tests.model.conftest import CONFIG, SCHEMA
from tests.model.random_batches import TABLES, random_batch

NAMES = [component.name for component in SCHEMA.components]
STEPS, BATCH = 63, 10
TRAINING = {'batch_size': BATCH, 'dense_learning_rate': 0.01, 'rl_loss': 0.5}


@pytest.fixture(scope='module')
def batches(transformed, tables):
    def rows(start, end):
        return pack({name: value[start:end] for name, value in transformed.items()}, tables)

    return [rows(start, start + BATCH) for start in range(0, 600, BATCH)]


@pytest.fixture(scope='module')
def run(batches, tables, transform_output, tmp_path_factory):
    """A trained model, the folder of its training and its test batches."""
    config = CONFIG.model_copy(update={'training': CONFIG.training.model_copy(update=TRAINING)})
    directory = tmp_path_factory.mktemp('model_run') / '7'
    spec = {k: tf.TensorSpec([None, *v.shape[1:]], v.dtype) for k, v in batches[0].items()}

    def data(count):
        return tf.data.Dataset.from_generator(
            lambda: (batches[i % len(batches)] for i in range(count)), output_signature=spec
        )

    callbacks = training_callbacks(config, data(40), transform_output, str(directory))
    return train(tables, config, data(STEPS), callbacks), directory, batches[:40]


def _read(directory: Path) -> EventAccumulator:
    events = EventAccumulator(str(directory), size_guidance={'tensors': 0})
    return events.Reload()


def _points(events: EventAccumulator, tag: str) -> dict[int, np.ndarray]:
    return {event.step: tf.make_ndarray(event.tensor_proto) for event in events.Tensors(tag)}


def _tags(events: EventAccumulator, plugin: str) -> list[str]:
    tags = events.Tags()['tensors']
    return [tag for tag in tags if events.SummaryMetadata(tag).plugin_data.plugin_name == plugin]


def test_training_curves_are_one_per_loss_term_and_one_per_component(run):
    events = _read(run[1] / 'train')
    terms = ['combination', 'element', 'rl', 'total']
    prediction = ['auc', 'predicted_ctr', 'click_rate', 'calibration']
    assert set(_tags(events, 'scalars')) == {
        *(f'loss/{term}' for term in terms),
        *(f'prediction/{name}' for name in prediction),
        *(f'{group}/{name}' for group in ('entropy', 'attention_weight') for name in NAMES),
    }
    for tag in _tags(events, 'scalars'):
        assert list(_points(events, tag)) == [10, 20, 30, 40, 50, 60, STEPS]


def test_training_curves_agree_with_each_other_and_with_the_rows(run, batches):
    _, directory, _ = run
    events = _read(directory / 'train')
    training = CONFIG.training.model_copy(update=TRAINING)
    loss = {t: _points(events, f'loss/{t}') for t in ('combination', 'element', 'rl', 'total')}
    names = ('predicted_ctr', 'click_rate', 'calibration')
    prediction = {name: _points(events, f'prediction/{name}') for name in names}
    for position, step in enumerate(loss['total']):
        total = loss['combination'][step] + loss['element'][step] + training.rl_loss * loss['rl'][step]
        assert loss['total'][step] == pytest.approx(total, rel=1e-5)
        of_step = [batches[i % len(batches)] for i in range(10 * position, step)]
        clicks = np.concatenate([batch['click'] for batch in of_step])
        assert prediction['click_rate'][step] == pytest.approx(clicks.mean(), rel=1e-5)
        ratio = prediction['predicted_ctr'][step] / prediction['click_rate'][step]
        assert prediction['calibration'][step] == pytest.approx(ratio, rel=1e-5)


def _oracle(model, batches) -> dict[str, float]:
    """Figures of the test run in plain Python, row by row, from nothing but scores and predictions."""
    sums = {name: np.zeros(6) for name in [*NAMES, 'overall']}
    log_loss, predicted, clicked, weights, rows = 0.0, 0.0, 0.0, 0.0, []
    for batch in batches:
        encoded = model.encode(batch)
        scores = model.score_elements(encoded).numpy().tolist()
        logits = model.score_combination(encoded, batch['shown']).logit.numpy().tolist()
        place = 0
        for b, logit in enumerate(logits):
            click, weight = float(batch['click'][b]), float(batch['weight'][b])
            p = 1 / (1 + math.exp(-logit))
            rows.append((logit, click, weight))
            log_loss -= weight * math.log(p if click else 1 - p)
            predicted, clicked, weights = predicted + weight * p, clicked + weight * click, weights + weight
            for j, name in enumerate(NAMES):
                n = int(batch['counts'][b, j])
                powers = [math.exp(score) for score in scores[place : place + n]]
                place += n
                if n < 2:
                    continue
                pi = [power / sum(powers) for power in powers]
                v = weight / float(batch['propensity'][b, j])
                of_shown = pi[int(batch['shown'][b, j])]
                row = [v * of_shown, v * of_shown * click, v / n, v / n * click]
                row += [-weight * sum(x * math.log(x) for x in pi), weight * math.log(n)]
                sums[name] += row
                sums['overall'] += row
    pairs = [
        ((a[0] > b[0]) + (a[0] == b[0]) / 2, a[2] * b[2]) for a in rows if a[1] for b in rows if not b[1]
    ]
    figures = {
        'loss/combination': log_loss / weights,
        'prediction/predicted_ctr': predicted / weights,
        'prediction/click_rate': clicked / weights,
        'prediction/calibration': predicted / clicked,
        'prediction/auc': sum(won * w for won, w in pairs) / sum(w for _, w in pairs),
    }
    for name, (shown, clicks, uniform_shown, uniform_clicks, entropy, uniform_entropy) in sums.items():
        figures[f'sctr/{name}'] = clicks / shown
        figures[f'sctr_lift/{name}'] = clicks / shown / (uniform_clicks / uniform_shown) - 1
        if name != 'overall':
            figures[f'relative_entropy/{name}'] = entropy / uniform_entropy
    return figures


def test_test_curves_are_those_of_the_oracle(run):
    model, directory, tests = run
    events = _read(directory / 'test')
    expected = _oracle(model, tests)
    assert set(_tags(events, 'scalars')) == set(expected)
    for tag, value in expected.items():
        points = _points(events, tag)
        assert list(points) == [0, 25, 50, STEPS]
        assert points[STEPS] == pytest.approx(value, rel=1e-4, abs=1e-6), tag
    assert abs(expected['sctr_lift/overall']) > 1e-3, 'a policy that is uniform tests nothing'


def test_figures_weigh_rows_and_leave_out_absent_components(run):
    batch = random_batch(np.random.default_rng(3), ads=60)
    model, rng = _untrained(), np.random.default_rng(4)
    batch['propensity'] = tf.constant(rng.uniform(0.1, 1, batch['counts'].shape).astype(np.float32))
    figures = figures_of_tests(lambda rows: policy_of_shown(model, rows), [batch], list(TABLES.components))
    assert figures == pytest.approx(_oracle(model, [batch]), rel=1e-4, abs=1e-6)


def test_figures_are_not_finite_where_the_rows_do_not_tell():
    batch = random_batch(np.random.default_rng(3), ads=20)
    batch['click'] = tf.zeros([20])
    model = _untrained()
    figures = figures_of_tests(lambda rows: policy_of_shown(model, rows), [batch], list(TABLES.components))
    unknown = {name for name, value in figures.items() if not np.isfinite(value)}
    assert unknown >= {'prediction/auc', 'prediction/calibration', 'sctr_lift/title'}
    assert figures['sctr/title'] == 0


def _untrained():
    tf.keras.utils.set_random_seed(0)
    return GenCO(TABLES, ModelConfig(phi=True), TrainingConfig())


def test_auc_counts_ties_a_half_and_weighs():
    click, score = np.array([1.0, 0, 1, 0]), np.array([0.3, 0.3, 0.1, 0.2])
    # Pairs (clicked, not): a tie 3 x 1, won 3 x 2, lost 1 x 1, lost 1 x 2.
    assert auc(click, score, np.array([3.0, 1, 1, 2])) == pytest.approx((1.5 + 6) / (4 * 3))


def test_histograms_hold_every_trainable_weight_and_the_learned_biases(run):
    model, directory, _ = run
    events = _read(directory / 'train')
    tags = _tags(events, 'histograms')
    assert set(tags) == set(histograms(model))
    extra = {'embedding/element_with_dedicated_row', 'bias/element', 'bias/ad'}
    assert len(set(tags) - extra) == len(model.trainable_variables) and extra <= set(tags)
    assert all(tag.split('/')[0] in ('embedding', 'bias', 'weights') for tag in tags)
    points = _points(events, 'embedding/element_with_dedicated_row')
    own = model.element_embedding[model.tables.frequent_start :].numpy()
    assert list(points) == [0, 50, STEPS]
    buckets = points[STEPS]
    assert (buckets[0, 0], buckets[-1, 1]) == pytest.approx((own.min(), own.max()))
    assert buckets[:, 2].sum() == own.size
    seen = (model.effects.element_bias.precision.numpy() > model.effects.element_bias.prior_std**-2).sum()
    assert _points(events, 'bias/element')[STEPS][:, 2].sum() == seen


def test_weights_keep_their_names_under_the_name_scopes_of_the_graph(run):
    names = [variable.name for variable in run[0].trainable_variables]
    assert not [name for name in names if name.startswith(('encode/', 'policy/', 'shown_combination/'))]


def test_graph_is_written_in_boxes(run):
    graph = _read(run[1] / 'test').Graph()
    boxes = {node.name.split('/')[0] for node in graph.node if '/' in node.name}
    assert boxes == {'encode', 'policy', 'entropy', 'shown_combination'}


def test_projector_labels_are_those_of_the_rows(run, transform_output):
    model, directory, _ = run
    config = text_format.Parse((directory / 'train/projector_config.pbtxt').read_text(), ProjectorConfig())
    with open(directory / 'train' / config.embeddings[0].metadata_path, newline='') as file:
        rows = list(csv.DictReader(file, delimiter='\t'))
    labels = [f'{row["component"]}\t{row["element"]}'.encode() for row in rows]
    assert labels and labels == list(frequent_elements(transform_output))
    checkpoint = tf.train.load_checkpoint(str(directory / 'train'))
    embeddings = checkpoint.get_tensor(config.embeddings[0].tensor_name)
    first = model.tables.frequent_start
    np.testing.assert_array_equal(embeddings, model.element_embedding.numpy()[first : first + len(labels)])
    bias = model.effects.element_bias.mean.numpy()[first:]
    np.testing.assert_allclose([float(row['bias']) for row in rows], bias, atol=1e-4)
    assert min(float(row['information']) for row in rows) > 0


def test_a_labelled_row_is_the_row_that_its_id_is_looked_up_in(run, transform_output, batches, logs):
    """Against the raw log: candidates of the first rows, and where their embeddings come from."""
    first = run[0].tables.frequent_start
    labels = list(frequent_elements(transform_output))
    ids = [
        f'{c.name}\t{element}'
        for row in logs.slice(0, BATCH).to_pylist()
        for c in SCHEMA.components
        for element in row[c.candidates]
    ]
    rows = batches[0]['elements'].numpy()
    truncated = len(ids) - len(rows)
    found = [labels[row - first].decode() for row in rows if row >= first]
    assert found and set(found) <= set(ids)
    assert len([i for i in ids if i.encode() in labels]) - len(found) <= truncated


def test_hyper_parameters_keep_their_types_and_each_training_is_a_trial(run):
    metadata = _read(run[1]).SummaryMetadata('_hparams_/session_start_info')
    start = plugin_data_pb2.HParamsPluginData.FromString(metadata.plugin_data.content).session_start_info
    values = {key: getattr(value, value.WhichOneof('kind')) for key, value in start.hparams.items()}
    assert values['preset'] == 'tuned'
    assert values['training.batch_size'] == BATCH and values['training.rl_loss'] == 0.5
    assert values['model.attention'] is True and values['model.encoder_units'] == '(32, 16, 8)'
    assert values['transform.frequent_threshold'] == CONFIG.transform.frequent_threshold
    assert start.group_name == f'7 in {run[1].parent}'


def test_metrics_of_the_hyper_parameter_tab_exist(run):
    metadata = _read(run[1]).SummaryMetadata('_hparams_/experiment')
    experiment = plugin_data_pb2.HParamsPluginData.FromString(metadata.plugin_data.content).experiment
    for metric in experiment.metric_infos:
        assert metric.name.tag in _tags(_read(run[1] / metric.name.group), 'scalars')
    assert len(experiment.hparam_infos) > 20 and len(experiment.metric_infos) == 4


def test_every_curve_says_what_it_means(run):
    for name in ('train', 'test'):
        events = _read(run[1] / name)
        for tag in _tags(events, 'scalars'):
            assert events.SummaryMetadata(tag).summary_description in MEANING.values()


def _steps_of(kind: type[Periodic], length: int) -> list[int]:
    """Steps at which a training of this length calls `write`."""

    class Recorded(kind):
        def write(self, step):
            steps.append(step)

    class Model:
        class optimizer:
            iterations = 0

    steps = []
    callback = Recorded(tf.summary.create_noop_writer(), least=10, share=0.25, most=1000)
    callback.set_model(Model)
    for _ in range(length):
        Model.optimizer.iterations += 1
        callback.on_train_batch_end(0)
    callback.on_train_end()
    return steps


@pytest.mark.parametrize(('length', 'fewest', 'most'), [(3, 1, 1), (200, 8, 20), (100_000, 100, 200)])
def test_short_runs_have_enough_points_and_long_ones_not_too_many(length, fewest, most):
    steps = _steps_of(Periodic, length)
    assert fewest <= len(steps) <= most and steps[-1] == length
    gaps = np.diff([0, *steps[:-1]])
    assert length < 10 or (gaps.min() >= 10 and gaps.max() <= 1000)
    assert len(set(steps)) == len(steps)


@pytest.mark.parametrize('length, last', [(10, [10, 10]), (12, [10, 12])])
def test_the_last_snapshot_is_of_the_model_when_training_has_ended(length, last):
    assert _steps_of(Snapshots, length) == last


@pytest.mark.parametrize('count', [1, 2, 4, 5, 7, 100, 1025])
def test_batches_are_evenly_spaced_and_bounded(count):
    kept = evenly_spaced(range(count), 4)
    assert kept[0] == 0 and min(count, 2) <= len(kept) <= 4
    assert len(set(np.diff(kept))) <= 1
    assert count - kept[-1] <= count / 2 + 1
