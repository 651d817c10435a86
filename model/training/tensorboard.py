"""Callbacks that write a training run for TensorBoard; docs/tensorboard.md explains how to read it."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from absl import logging
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins import projector
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from model.config import GencoConfig, TrainingConfig
from model.features.packed_batch import Batch
from model.features.preprocessing import frequent_elements
from model.network.layers.fitted_effects import FittedEffects
from model.training.tensorboard_metrics import MEANING, build, figures_of_tests, histograms, policy_of_shown

_TEST_ROWS = 20_000
_PROJECTED_ROWS = 10_000
_COMPARED = ('prediction/auc', 'prediction/calibration', 'loss/combination', 'sctr_lift/overall')


def training_callbacks(
    config: GencoConfig, tests: tf.data.Dataset, transform_output: tft.TFTransformOutput, directory: str
) -> list[tf.keras.callbacks.Callback]:
    """Returns callbacks that write to `directory` for TensorBoard.

    They write the runs `train` and `test`, whose curves of the same name share a chart, and in the folder
    above them what belongs to both.
    """
    runs = [os.path.join(directory, run) for run in ('train', 'test')]
    train, test = (tf.summary.create_file_writer(run) for run in runs)
    return [
        TrainingCurves(train),
        TestCurves(test, tests, max(2, _TEST_ROWS // config.training.batch_size)),
        Histograms(train),
        HyperParameters(directory, config),
        # It writes to one run because TensorBoard also searches the folder above a run for its checkpoint:
        # from there, each run would show the embeddings.
        Projector(runs[0], transform_output),
    ]


class Periodic(tf.keras.callbacks.Callback):
    """Calls `write` at increasing intervals and at the end of training.

    The interval is a `share` of the steps so far, but at least `least` and at most `most` steps, so that a
    short run has enough points and a long run not too many.
    """

    def __init__(self, writer: tf.summary.SummaryWriter, least: int, share: float, most: int):
        super().__init__()
        self._writer = writer
        self._least, self._share, self._most = least, share, most
        self._written = 0

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations)
        gap = min(max(int(self._written * self._share), self._least), self._most)
        if step >= self._written + gap:
            self._write(step)

    def on_train_end(self, logs=None):
        step = int(self.model.optimizer.iterations)
        if step > self._written:
            self._write(step)
        self._writer.flush()

    def _write(self, step: int) -> None:
        self._written = step
        self.write(step)

    def write(self, step: int) -> None:
        raise NotImplementedError


class TrainingCurves(Periodic):
    """Writes loss terms, AUC, calibration, entropy and attention weight per component.

    Each point covers the rows since the last point, before the model has learned from them. A log line
    reports the progress of the training.
    """

    def __init__(self, writer: tf.summary.SummaryWriter):
        super().__init__(writer, least=10, share=0.05, most=100)
        self._started = 0.0

    def on_train_begin(self, logs=None):
        self._started = time.monotonic()

    def write(self, step: int) -> None:
        figures = self.model.figures()
        self.model.reset_metrics()
        write_scalars(self._writer, step, training_curves(self.model.training_config, figures))
        logging.info(
            'step %d, %.0f steps/s: AUC %.4f, predicted CTR %.4f, clicked %.4f',
            step,
            step / (time.monotonic() - self._started),
            figures['auc'],
            figures['predicted_ctr'],
            figures['click_rate'],
        )


def training_curves(training: TrainingConfig, figures: Mapping[str, float]) -> dict[str, float]:
    """Returns `GencoTrainer.figures` by chart name, with the total loss and the calibration added."""
    terms = {name.removeprefix('loss_'): value for name, value in figures.items() if name.startswith('loss_')}
    total = sum(getattr(training, f'{term}_loss') * value for term, value in terms.items())
    clicked = figures['click_rate']
    curves = {f'loss/{term}': value for term, value in terms.items()} | {'loss/total': total}
    curves |= {f'prediction/{name}': figures[name] for name in ('auc', 'predicted_ctr', 'click_rate')}
    curves['prediction/calibration'] = figures['predicted_ctr'] / clicked if clicked else np.nan
    return curves | {name: value for name, value in figures.items() if '/' in name}


class Snapshots(Periodic):
    """Writes points that describe the current model.

    The last point is always written, even if its step already has one, because the effects are fitted only
    after the last batch (`model.training.train.FitEffects`).
    """

    def on_train_end(self, logs=None):
        self._written = 0
        super().on_train_end(logs)


class TestCurves(Snapshots):
    """Writes figures on test rows, which are not trained on, before, during and after the training.

    The figures are the sCTR of pi_theta and its lift over a uniform choice, AUC and calibration. The graph
    that computes them is written as well.

    Args:
        writer: The writer of the run `test`.
        tests: Packed batches in chronological order.
        limit: The largest number of batches to use, evenly spaced.
    """

    def __init__(self, writer: tf.summary.SummaryWriter, tests: tf.data.Dataset, limit: int):
        super().__init__(writer, least=25, share=0.25, most=1000)
        self._tests, self._limit = tests, limit
        self._batches: Sequence[Batch] = ()
        self._evaluate: Callable[[Batch], Sequence[tf.Tensor]] | None = None

    def on_train_begin(self, logs=None):
        self._batches = evenly_spaced(self._tests, self._limit)
        network = self.model.network
        build(network, self._batches[0])
        graph = tf.function(
            lambda batch: policy_of_shown(network, batch), input_signature=[self._tests.element_spec]
        )
        self._evaluate = graph
        with self._writer.as_default(0):
            tf.summary.graph(graph.get_concrete_function().graph)
        self.write(0)

    def write(self, step: int) -> None:
        assert self._evaluate is not None, 'the training has not begun'
        figures = figures_of_tests(self._evaluate, self._batches, list(self.model.network.tables.components))
        write_scalars(self._writer, step, figures)


class Histograms(Snapshots):
    """Writes the distributions of embeddings, biases and weights before, during and after the training."""

    def __init__(self, writer: tf.summary.SummaryWriter):
        super().__init__(writer, least=50, share=0.5, most=1000)

    def on_train_begin(self, logs=None):
        self.write(0)

    def write(self, step: int) -> None:
        write_histograms(self._writer, step, histograms(self.model.network))


def evenly_spaced(batches: Iterable[Batch], limit: int) -> list[Batch]:
    """Selects evenly spaced batches in one pass.

    It keeps at most `limit` batches, and at least half as many if there are enough; `limit` is 2 or more.
    """
    kept, every = [], 1
    for position, batch in enumerate(batches):
        if position % every:
            continue
        kept.append(batch)
        if len(kept) > limit:
            kept, every = kept[::2], 2 * every
    return kept


def write_scalars(writer: tf.summary.SummaryWriter, step: int, values: Mapping[str, float]) -> None:
    """Writes one point per curve, except for figures that are unknown (not finite)."""
    known = {name: value for name, value in values.items() if np.isfinite(value)}
    _write(writer, step, (scalar_pb(name, value, _meaning(name)) for name, value in known.items()))


def write_histograms(writer: tf.summary.SummaryWriter, step: int, values: Mapping[str, tf.Tensor]) -> None:
    _write(writer, step, (histogram_pb(name, value.numpy()) for name, value in values.items()))


def _write(writer: tf.summary.SummaryWriter, step: int, summaries: Iterable[Summary]) -> None:
    """Writes all summaries in one event, which is many times faster than one operation per value."""
    merged = Summary()
    for summary in summaries:
        merged.MergeFrom(summary)
    with writer.as_default(step):
        tf.summary.experimental.write_raw_pb(merged.SerializeToString(), step)


def _meaning(name: str) -> str:
    return MEANING.get(name) or MEANING[name.partition('/')[0]]


class HyperParameters(tf.keras.callbacks.Callback):
    """Writes the configuration to the HParams tab, with the figures by which it compares runs."""

    def __init__(self, directory: str, config: GencoConfig):
        super().__init__()
        self._directory = directory
        sections = {'training': config.training, 'model': config.model, 'transform': config.transform}
        self._values = {'preset': config.preset} | {
            f'{section}.{key}': value if isinstance(value, (bool, int, float, str)) else str(value)
            for section, values in sections.items()
            for key, value in values.model_dump().items()
        }

    def on_train_begin(self, logs=None):
        metrics = [hparams.Metric(tag, group='test', display_name=f'test {tag}') for tag in _COMPARED]
        # By default, runs with equal hyper-parameters, such as those of two days, would form one trial.
        folder, name = os.path.split(os.path.normpath(self._directory))
        with tf.summary.create_file_writer(self._directory).as_default(0):
            hparams.hparams_config([hparams.HParam(key) for key in self._values], metrics)
            hparams.hparams(self._values, trial_id=f'{name} in {folder}')


class Projector(tf.keras.callbacks.Callback):
    """Writes the embeddings of the most frequent elements with dedicated rows to the projector.

    Without phi, elements are embedded by their factors of tastes and synergies. They are labelled by element id and component, and in an additive model also by the bias of the
    element and the Fisher information behind it.
    """

    def __init__(self, directory: str, transform_output: tft.TFTransformOutput):
        super().__init__()
        self._directory = directory
        self._transform_output = transform_output

    def on_train_end(self, logs=None):
        labels = [_columns(label) for label in frequent_elements(self._transform_output)[:_PROJECTED_ROWS]]
        if not labels:
            return
        network = self.model.network
        first = network.tables.frequent_start
        rows = slice(first, first + len(labels))
        table = network.element_embedding if network.config.phi else network.effects.interactions.factors
        embeddings = tf.Variable(table[rows], name='elements')
        tf.train.Checkpoint(elements=embeddings).save(os.path.join(self._directory, 'elements.ckpt'))
        columns = ['element', 'component']
        if network.effects:
            columns += ['bias', 'information']
            labels = [label + row for label, row in zip(labels, _learned(network.effects, rows), strict=True)]
        with tf.io.gfile.GFile(os.path.join(self._directory, 'elements.tsv'), 'w') as file:
            file.write(''.join('\t'.join(row) + '\n' for row in [columns, *labels]))
        config = projector.ProjectorConfig()
        config.embeddings.add(tensor_name='elements/.ATTRIBUTES/VARIABLE_VALUE', metadata_path='elements.tsv')
        projector.visualize_embeddings(self._directory, config)


def _columns(label: bytes) -> list[str]:
    """Returns the id, on one line, and the component."""
    component, _, element = label.decode('utf-8', 'replace').partition('\t')
    return [' '.join(element.split()), component]


def _learned(effects: FittedEffects, rows: slice) -> list[list[str]]:
    """Bias, in logits, and the Fisher information that it rests on: sum of weight x p (1 - p)."""
    layer = effects.element_bias
    bias, precision = layer.mean[rows].numpy(), layer.precision[rows].numpy()
    return [[f'{b:.4f}', f'{i:.2f}'] for b, i in zip(bias, precision - layer.prior_std**-2, strict=True)]
