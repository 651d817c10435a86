"""What TensorBoard shows of a training."""

import os
import time
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from absl import logging
from tensorboard.plugins import projector
from tensorboard.plugins.hparams import api as hparams

from creative_logs.schema import CLICK, WEIGHT
from model import batch as keys
from model.config import GencoConfig
from model.genco import GenCO
from model.layout import Layout
from model.preprocessing import frequent_elements
from model.segments import log_softmax

_STEPS_PER_SCALAR = 20
_STEPS_PER_EVALUATION = 100
_TEST_ROWS = 20_000
_PROJECTED_ROWS = 2_000


def training_callbacks(
    config: GencoConfig, tests: tf.data.Dataset, transform_output: tft.TFTransformOutput, directory: str
) -> list[tf.keras.callbacks.Callback]:
    """Callbacks that write to `directory` for TensorBoard."""
    few = tests.take(max(1, _TEST_ROWS // config.training.batch_size)).cache()
    writer = tf.summary.create_file_writer(directory)
    return [
        TrainingCurves(writer),
        TestCurves(writer, few),
        HyperParameters(writer, config),
        Projector(directory, transform_output),
    ]


class TrainingCurves(tf.keras.callbacks.Callback):
    """Loss terms, entropy and attention weight per component, AUC and calibration; and the log line
    that tells how far the training is."""

    def __init__(self, writer: tf.summary.SummaryWriter):
        super().__init__()
        self._writer = writer
        self._started = self._rows = 0.0

    def on_train_begin(self, logs=None):
        self._started = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        if (batch + 1) % _STEPS_PER_SCALAR:
            return
        values = self.model.figures()
        self.model.reset_metrics()
        step = int(self.model.optimizer.iterations)
        with self._writer.as_default(step):
            for name, value in values.items():
                group = name if '/' in name else f'train/{name}'
                tf.summary.scalar(group, value)
            tf.summary.scalar('train/calibration', values['predicted_ctr'] / max(values['click_rate'], 1e-9))
        logging.info(
            'step %d, %.0f steps/s: AUC %.4f, predicted CTR %.4f, clicked %.4f',
            step,
            step / (time.monotonic() - self._started),
            values['auc'],
            values['predicted_ctr'],
            values['click_rate'],
        )


class TestCurves(tf.keras.callbacks.Callback):
    """On test rows that are not trained on: sCTR of pi_theta and its lift over uniform per component,
    AUC and calibration; embedding histograms; once the graph."""

    def __init__(self, writer: tf.summary.SummaryWriter, tests: tf.data.Dataset):
        super().__init__()
        self._writer = writer
        self._tests = tests
        self._evaluate = None

    def on_train_begin(self, logs=None):
        self._evaluate = tf.function(self._policy, reduce_retracing=True)
        graph = self._evaluate.get_concrete_function(next(iter(self._tests))).graph
        with self._writer.as_default(0):
            tf.summary.graph(graph)

    def on_train_batch_end(self, batch, logs=None):
        if (batch + 1) % _STEPS_PER_EVALUATION == 0:
            self._write()

    def on_train_end(self, logs=None):
        self._write()
        self._writer.flush()

    def _write(self) -> None:
        with self._writer.as_default(int(self.model.optimizer.iterations)):
            for name, value in test_figures(self._evaluate, self._tests, self.model.layout).items():
                tf.summary.scalar(name, value)
            for variable in self.model.trainable_variables:
                tf.summary.histogram(variable.name.split(':')[0], variable)

    def _policy(self, batch):
        return shown_under_policy(self.model, batch)


def shown_under_policy(model: GenCO, batch) -> tuple[tf.Tensor, tf.Tensor]:
    """pi of the shown elements float32 [B, M], 0 where absent, and the predicted logit float32 [B]."""
    encoded = model.encode(batch)
    log_policy = log_softmax(
        model.score_elements(encoded), encoded.index.segment, tf.size(encoded.index.start)
    )
    place, present = model.places(encoded.index, batch[keys.SHOWN])
    logit = model.score_combinations(encoded, batch[keys.SHOWN][:, None]).logit[:, 0]
    return tf.where(present, tf.exp(tf.gather(log_policy, place)), 0.0), logit


def test_figures(evaluate, tests: tf.data.Dataset, layout: Layout) -> Mapping[str, float]:
    """sCTR in its expectation form, sum(w y pi / q) / sum(w pi / q), where there is a choice."""
    auc = tf.keras.metrics.AUC(from_logits=True)
    clicks = np.zeros((2, len(layout.components)))
    shown = np.zeros((2, len(layout.components)))
    predicted = observed = 0.0
    for batch in tests:
        policy, logit = (tensor.numpy() for tensor in evaluate(batch))
        click, weight = batch[CLICK].numpy(), batch[WEIGHT].numpy()
        auc.update_state(click, logit, weight)
        predicted += float((weight / (1 + np.exp(-logit))).sum())
        observed += float((weight * click).sum())
        counts, logged = batch[keys.COUNTS].numpy(), batch[keys.PROPENSITY].numpy()
        choice = (counts > 1) * weight[:, None]
        for row, importance in enumerate((policy / logged, 1.0 / np.maximum(counts, 1) / logged)):
            shown[row] += (choice * importance).sum(0)
            clicks[row] += (choice * importance * click[:, None]).sum(0)
    rate = np.divide(clicks, shown, out=np.full_like(clicks, np.nan), where=shown > 0)
    figures = {'test/auc': float(auc.result()), 'test/calibration': predicted / max(observed, 1e-9)}
    for j, name in enumerate(layout.components):
        figures[f'test_sctr/{name}'] = rate[0, j]
        figures[f'test_sctr_lift/{name}'] = rate[0, j] / rate[1, j] - 1
    return figures


class HyperParameters(tf.keras.callbacks.Callback):
    """The configuration, in TensorBoard's HParams tab."""

    def __init__(self, writer: tf.summary.SummaryWriter, config: GencoConfig):
        super().__init__()
        self._writer = writer
        sections = {'model': config.model, 'training': config.training}
        self._values = {'preset': config.preset} | {
            f'{section}.{key}': value if isinstance(value, (bool, int, float, str)) else str(value)
            for section, values in sections.items()
            for key, value in values.model_dump().items()
        }

    def on_train_begin(self, logs=None):
        with self._writer.as_default(0):
            hparams.hparams(self._values)


class Projector(tf.keras.callbacks.Callback):
    """Element embeddings in the projector, under the ids of the elements that have rows of their own."""

    def __init__(self, directory: str, transform_output: tft.TFTransformOutput):
        super().__init__()
        self._directory = directory
        self._transform_output = transform_output

    def on_train_end(self, logs=None):
        labels = [_one_line(label) for label in frequent_elements(self._transform_output)[:_PROJECTED_ROWS]]
        if not labels:
            return
        first = self.model.layout.frequent_start
        embeddings = tf.Variable(self.model.element_embedding[first : first + len(labels)], name='elements')
        checkpoint = tf.train.Checkpoint(elements=embeddings)
        checkpoint.save(os.path.join(self._directory, 'elements.ckpt'))
        with tf.io.gfile.GFile(os.path.join(self._directory, 'elements.tsv'), 'w') as file:
            file.write('component\telement\n' + ''.join(f'{label}\n' for label in labels))
        config = projector.ProjectorConfig()
        config.embeddings.add(
            tensor_name='elements/.ATTRIBUTES/VARIABLE_VALUE', metadata_path='elements.tsv'
        )
        projector.visualize_embeddings(self._directory, config)


def _one_line(label: bytes) -> str:
    component, _, element = label.decode('utf-8', 'replace').partition('\t')
    return f'{component}\t{" ".join(element.split())}'
